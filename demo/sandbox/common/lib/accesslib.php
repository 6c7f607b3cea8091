<?php
// Roles, who has them, and what they may do.

require_once __DIR__ . '/classes/event/base.php';
require_once __DIR__ . '/classes/context.php';

const CAP_INHERIT = 0;
const CAP_ALLOW = 1;

function create_role(string $name, string $shortname, string $description, string $archetype = ''): int {
    global $DB;
    $role = ['name' => $name, 'shortname' => $shortname, 'description' => $description, 'archetype' => $archetype];
    $role['sortorder'] = 1 + (int) $DB->get_field('role', 'MAX(sortorder)', []);
    $id = $DB->insert_record('role', $role);
    $other = array_intersect_key($role, ['name' => 1, 'shortname' => 1, 'archetype' => 1]);
    core\event\role_created::create(['objectid' => $id, 'context' => context_system::instance(), 'other' => $other])->trigger();
    return $id;
}

function set_role_contextlevels(int $roleid, array $contextlevels): void {
    global $DB;
    $DB->delete_records('role_context_levels', ['roleid' => $roleid]);
    foreach (array_unique($contextlevels) as $level) {
        $DB->insert_record('role_context_levels', ['roleid' => $roleid, 'contextlevel' => $level]);
    }
}

/** Give a role a permission, or take away what it has when the permission is 0. */
function assign_capability(string $capability, int $permission, int $roleid, int $contextid, bool $overwrite = false): bool {
    global $DB, $USER;
    if (!$DB->record_exists('capabilities', ['name' => $capability])) {
        throw new coding_exception("Capability '$capability' was not found! This has to be fixed in code.");
    }
    $key = ['contextid' => $contextid, 'roleid' => $roleid, 'capability' => $capability];
    $existing = $DB->get_record('role_capabilities', $key);
    if ($permission !== CAP_INHERIT && $existing && !$overwrite) {
        return true;
    }
    $other = ['capability' => $capability];
    if ($permission === CAP_INHERIT) {
        $event = core\event\capability_unassigned::class;
        $DB->delete_records('role_capabilities', $key);
    } else {
        $event = core\event\capability_assigned::class;
        $row = $key + ['permission' => $permission, 'timemodified' => time(), 'modifierid' => $USER->id ?? 0];
        $existing
            ? $DB->update_record('role_capabilities', ['id' => $existing->id] + $row)
            : $DB->insert_record('role_capabilities', $row);
        $other += ['oldpermission' => $existing->permission ?? CAP_INHERIT, 'permission' => $permission];
    }
    $event::create(['objectid' => $roleid, 'context' => context_system::instance(), 'other' => $other])->trigger();
    return true;
}

/** Forget a role's permissions: the sandbox keeps none beside its tables. */
function accesslib_clear_role_cache(int $roleid): void {
}

function core_role_set_assign_allowed(int $fromroleid, int $targetroleid): void {
    set_role_allowed('assign', $fromroleid, $targetroleid);
}

function core_role_set_override_allowed(int $fromroleid, int $targetroleid): void {
    set_role_allowed('override', $fromroleid, $targetroleid);
}

function core_role_set_switch_allowed(int $fromroleid, int $targetroleid): void {
    set_role_allowed('switch', $fromroleid, $targetroleid);
}

function core_role_set_view_allowed(int $fromroleid, int $targetroleid): void {
    set_role_allowed('view', $fromroleid, $targetroleid);
}

function set_role_allowed(string $what, int $fromroleid, int $targetroleid): void {
    global $DB;
    $DB->insert_record("role_allow_$what", ['roleid' => $fromroleid, "allow$what" => $targetroleid]);
}

function role_assign(int $roleid, int $userid, int $contextid): int {
    global $DB, $USER;
    $key = ['roleid' => $roleid, 'contextid' => $contextid, 'userid' => $userid];
    return (int) $DB->get_field('role_assignments', 'id', $key)
        ?: $DB->insert_record('role_assignments', $key + ['timemodified' => time(), 'modifierid' => $USER->id ?? 0]);
}

function get_archetype_roles(string $archetype): array {
    global $DB;
    return $DB->get_records('role', ['archetype' => $archetype], 'sortorder');
}

/** Return the users who have a role in a context, by their ids. */
function get_role_users(int $roleid, context $context, bool $parent = false, string $fields = 'u.*', string $sort = 'u.id'): array {
    global $DB;
    return $DB->get_records_sql(
        "SELECT $fields FROM {user} u JOIN {role_assignments} ra ON ra.userid = u.id"
        . " WHERE ra.roleid = ? AND ra.contextid = ? AND u.deleted = 0 ORDER BY $sort",
        [$roleid, $context->id]
    );
}
