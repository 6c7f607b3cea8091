<?php
// Switches MNet on or off, once its keys are in the database: {mode: strict, off, or "" to
// leave it, auth: whether users of peers may log in here, roles: [short names] whose users
// may go there}. Answers {changed: [sentences]}; nothing to do when all is so already.

/** Sets a setting of the core, and tells Moodle's own log of it. */
$set = static function (string $name, string $value): void {
    global $CFG;
    if (array_key_exists($name, $CFG->config_php_settings)) {
        throw new agent_refusal("$name is fixed for this site by config.php or by its forced settings, and is to be $value: change it there");
    }
    add_to_config_log($name, $CFG->$name ?? null, $value, 'core');
    set_config($name, $value);
};

/** Lets the users of a role go to other sites; returns whether they could not before. */
$grant = static function (string $shortname): bool {
    global $DB;
    $capability = 'moodle/site:mnetlogintoremote';
    $role = $DB->get_field('role', 'id', ['shortname' => $shortname]);
    if (!$role) {
        throw new agent_refusal("the site has no role $shortname: name another, or none");
    }
    $system = context_system::instance()->id;
    $where = ['roleid' => $role, 'capability' => $capability, 'contextid' => $system];
    if ((int) $DB->get_field('role_capabilities', 'permission', $where) === CAP_ALLOW) {
        return false;
    }
    assign_capability($capability, CAP_ALLOW, $role, $system, true);
    return true;
};

return static function (array $in) use ($set, $grant): array {
    global $CFG, $DB;
    // Keys may have been stored without us: then only the cache is behind.
    cache_helper::invalidate_by_definition('core', 'config', [], ['core', 'mnet']);
    $changed = [];
    foreach ($in['roles'] as $role) {
        if ($grant($role)) {
            $changed[] = "users of the role $role may go to other sites";
        }
    }
    $mode = $DB->get_field('config', 'value', ['name' => 'mnet_dispatcher_mode']);
    if ($in['mode'] !== '' && $mode !== $in['mode']) {
        $set('mnet_dispatcher_mode', $in['mode']);
        $changed[] = 'MNet is ' . ($in['mode'] === 'off' ? 'off' : 'on');
    }
    $plugins = explode(',', (string) $DB->get_field('config', 'value', ['name' => 'auth']));
    if ($in['auth'] && !in_array('mnet', $plugins, true)) {
        $set('auth', implode(',', array_filter([...$plugins, 'mnet'], 'strlen')));
        \core\session\manager::gc();
        core_plugin_manager::reset_caches();
        $changed[] = 'users of other sites may log in here';
    }
    if (!$changed) {
        throw new agent_nothing_to_do('it is so already');
    }
    array_map(static fn(string $what) => print("$what\n"), $changed);
    return ['changed' => $changed];
};
