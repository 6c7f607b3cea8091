<?php
// What the operations of tenants/moodle/ops/ load first. Two of them have nothing to work on here.

const REFUSED = ['mnet', 'update_langpacks'];
const NO_MOODLE = 'The sandbox is no Moodle: it has neither language packs nor MNet, try it on a real one';

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
