<?php
// Roles, and what they may do, in the one context that the sandbox has, the system's.

require_once __DIR__ . '/classes/event/base.php';

const CONTEXT_SYSTEM = 10;
const CAP_INHERIT = 0;
const CAP_ALLOW = 1;

class context_system {
    public int $contextlevel = CONTEXT_SYSTEM;
    public int $instanceid = 0;

    private function __construct(public readonly int $id) {
    }

    public static function instance(): self {
        global $DB;
        return new self((int) $DB->get_field('context', 'id', ['contextlevel' => CONTEXT_SYSTEM]));
    }

    /** Tell sessions that permissions have changed: the sandbox has nobody logged in. */
    public function mark_dirty(): void {
    }
}

/** The context of a user, of which the sandbox has none. */
class context_user {
    public static function instance(int $userid): self {
        return new self();
    }
}

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
