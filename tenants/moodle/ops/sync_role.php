<?php
// Sets permissions of a role in the system context: {role: short name, permissions:
// {capability: 1 | -1 | -1000 | 0 for not set}, made: null, or what a missing role is made
// of: {name, description, archetype, contextlevels}}. All or nothing.
// Answers {changed: [capabilities], created: bool}.

return static function (array $in): array {
    global $DB;
    $system = context_system::instance();
    $words = [1 => 'allow', -1 => 'prevent', -1000 => 'prohibit', 0 => 'not set'];
    $id = $DB->get_field('role', 'id', ['shortname' => $in['role']]);
    if (!$id && !$in['made']) {
        throw new agent_refusal("there is no role '$in[role]' on this site: create the role first");
    }
    $before = $DB->get_records_menu(
        'role_capabilities',
        ['roleid' => (int) $id, 'contextid' => $system->id],
        '',
        'capability, permission'
    );
    $transaction = $DB->start_delegated_transaction();
    try {
        if ($created = !$id) {
            $made = $in['made'];
            $id = create_role($made['name'], $in['role'], $made['description'], $made['archetype']);
            set_role_contextlevels($id, $made['contextlevels']);
            echo "created the role $in[role]\n";
        }
        foreach ($in['permissions'] as $capability => $permission) {
            // It unsets where the permission is 0.
            assign_capability($capability, $permission, $id, $system->id, true);
            echo "$capability: ", $words[$before[$capability] ?? 0] ?? '?', " -> $words[$permission]\n";
        }
        $transaction->allow_commit();
    } catch (Throwable $error) {
        $transaction->rollback($error);
    }
    accesslib_clear_role_cache($id);
    return ['changed' => array_keys($in['permissions']), 'created' => $created];
};
