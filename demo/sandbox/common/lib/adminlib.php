<?php
// What the operations of tenants/moodle/ops/ load first. For those that the sandbox cannot do
// it says that it is no Moodle.

const REFUSED = ['mnet', 'setup_redis', 'update_langpacks'];

if (in_array(end($_SERVER['argv']), REFUSED, true)) {
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
