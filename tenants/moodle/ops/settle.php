<?php
// Ends the making of a site: {admin_email, admin_password}, "" to leave them. Makes the
// keys that are missing, and draws the random minutes of tasks, as an installation does.
// Answers {wwwroot, siteidentifier, version}.

/** Makes the private keys of LTI that the site has none of. */
$keys = static function (): void {
    global $CFG;
    foreach (['mod' => 'mod/lti', 'enrol' => 'enrol/lti'] as $type => $path) {
        if (is_readable("$CFG->dirroot/$path/upgradelib.php")) {
            require_once "$CFG->dirroot/$path/upgradelib.php";
            if ($warning = "{$type}_lti_verify_private_key"()) {
                echo "$warning\n";
            }
        }
    }
};

/** Draws again when tasks run whose time is random: all copies would run them at once. */
$draw = static function (): void {
    global $CFG;
    $directories = ['moodle' => $CFG->libdir];
    foreach (array_keys(core_component::get_plugin_types()) as $type) {
        foreach (core_component::get_plugin_list($type) as $name => $directory) {
            $directories["{$type}_$name"] = $directory;
        }
    }
    foreach ($directories as $component => $directory) {
        $tasks = [];
        if (is_readable("$directory/db/tasks.php")) {
            include "$directory/db/tasks.php";
        }
        foreach ($tasks as $task) {
            if (in_array('R', $task, true)) {
                \core\task\manager::reset_scheduled_tasks_for_component($component);
                break;
            }
        }
    }
};

return static function (array $in) use ($keys, $draw): array {
    global $CFG, $DB;
    $keys();
    $draw();
    $admin = get_admin();
    if ($in['admin_email'] !== '') {
        $DB->set_field('user', 'email', $in['admin_email'], ['id' => $admin->id]);
    }
    if ($in['admin_password'] !== '') {
        $error = '';
        if (!check_password_policy($in['admin_password'], $error, $admin)) {
            throw new agent_refusal("the administrator's password: " . trim(strip_tags($error)));
        }
        update_internal_user_password($admin, $in['admin_password']);
    }
    return [
        'wwwroot' => $CFG->wwwroot,
        'siteidentifier' => get_site_identifier(),
        'version' => $CFG->version,
    ];
};
