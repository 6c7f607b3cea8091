<?php
// What the operations of tenants/moodle/ops/ load first. Those that the sandbox can do
// by functions of its own go on; for the others it says that it is no Moodle.

const OPERATIONS = [
    'fix_site_admins', 'maintenance', 'read_table', 'set_config', 'set_plugin_states', 'settle', 'sync_role',
    'sync_role_allows', 'write_table',
];

if (!in_array(end($_SERVER['argv']), OPERATIONS, true)) {
    echo "\n\x1e", json_encode(['error' => NO_MOODLE]), "\n"; // as tenants/moodle/agent.php answers
    exit(0);
}

/** Keep what a setting was, and what it is now. */
function add_to_config_log(string $name, ?string $oldvalue, ?string $value, ?string $plugin): void {
    global $DB, $USER;
    $DB->insert_record('config_log', [
        'userid' => $USER->id, 'timemodified' => time(), 'plugin' => $plugin, 'name' => $name, 'value' => $value,
        'oldvalue' => $oldvalue,
    ]);
}
