<?php
// Switches plugins: {states: {"mod/quiz": "on" | "available" | "off", ...}}, by the
// enable_plugin() of their type. Answers {changed: [names], refused: {name: sentence}}:
// one that cannot be switched does not hold up the others.

return static function (array $in): array {
    global $CFG, $DB;
    // A cache may hold what nobody invalidated, and lists are written as a whole.
    cache_helper::purge_by_definition('core', 'config');
    initialise_cfg();
    core_plugin_manager::reset_caches();

    // Whether config.php, or the registry, fixes where the type keeps its switch.
    $is_fixed = static function (string $type, string $name) use ($CFG): bool {
        $core = [
            'antivirus' => 'antiviruses', 'auth' => 'auth', 'editor' => 'texteditors',
            'enrol' => 'enrol_plugins_enabled', 'fileconverter' => 'converter_plugins_sortorder',
            'media' => 'media_plugins_sortorder', 'paygw' => 'paygw_plugins_sortorder',
            'webservice' => 'webserviceprotocols',
        ];
        [$plugin, $setting] = [
            'logstore' => ['tool_log', 'enabled_stores'],
            'qbehaviour' => ['question', 'disabledbehaviours'],
            'qtype' => ['question', "{$name}_disabled"],
            'contenttype' => ["contentbank_$name", 'disabled'],
            'aiprovider' => ["aiprovider_$name", 'enabled'],
            'aiplacement' => ["aiplacement_$name", 'enabled'],
        ][$type] ?? ["{$type}_$name", 'disabled'];
        return array_key_exists($core[$type] ?? '', $CFG->config_php_settings)
            || isset($CFG->forced_plugin_settings[$plugin][$setting]);
    };

    // What enable_plugin() takes for a state.
    $number = static fn(string $type, string $state): int => [
        'filter' => ['on' => 1, 'available' => -1, 'off' => -9999],
        'repository' => ['on' => 1, 'available' => 0, 'off' => -1],
    ][$type][$state] ?? (int) ($state === 'on');

    // Disabling a repository deletes its instances, and with them what refers to files.
    $refuse_to_lose = static function (string $name) use ($DB): void {
        $used = $DB->count_records_sql(
            'SELECT COUNT(*) FROM {repository_instances} i JOIN {repository} r ON r.id = i.typeid
               JOIN {context} c ON c.id = i.contextid
              WHERE r.type = ? AND (c.contextlevel <> ? OR EXISTS
                    (SELECT 1 FROM {files_reference} f WHERE f.repositoryid = i.id))',
            [$name, CONTEXT_SYSTEM]
        );
        if ($used) {
            throw new agent_refusal(
                "$used of its instances are in use, and would be deleted: hide it instead,"
                . ' by plugins/SetState'
            );
        }
    };

    $switch = static function (string $type, string $name, string $state) use (
        $is_fixed, $number, $refuse_to_lose
    ): void {
        $class = core_plugin_manager::resolve_plugininfo_class($type);
        $info = core_plugin_manager::instance()->get_plugin_info("{$type}_$name");
        if (!$info || $info->versiondb === null) {
            throw new agent_refusal('it is not installed on this site');
        }
        if (!$info->rootdir) {
            throw new agent_refusal('its code is missing from the release');
        }
        if ($type === 'local') {
            $function = component_callback_exists("local_$name", $state === 'on' ? 'enable' : 'disable');
            if (!$function) {
                throw new agent_refusal('it has no function of its own to switch it, as a local plugin needs');
            }
            $function();
            return;
        }
        if ((new ReflectionMethod($class, 'enable_plugin'))->class === core\plugininfo\base::class) {
            throw new agent_refusal("Moodle has no switch for plugins of the type $type");
        }
        if ($is_fixed($type, $name)) {
            throw new agent_refusal(
                'it is fixed for this site by config.php or by its forced settings, which win: change it there'
            );
        }
        if ($state !== 'on' && in_array("$type/$name", ['auth/manual', 'auth/nologin'], true)) {
            throw new agent_refusal('Moodle has it always on');
        }
        if ($type === 'repository' && $state === 'off') {
            $refuse_to_lose($name);
        }
        $class::enable_plugin($type === 'logstore' ? "logstore_$name" : $name, $number($type, $state));
    };

    [$changed, $refused] = [[], []];
    foreach ($in['states'] as $plugin => $state) {
        $transaction = $DB->start_delegated_transaction();
        try {
            $switch(...explode('/', $plugin, 2), state: $state);
            $transaction->allow_commit();
            echo "$plugin: $state\n";
            $changed[] = $plugin;
        } catch (Throwable $error) {
            try {
                $transaction->rollback($error);
            } catch (Throwable $again) {
                $refused[$plugin] = $error->getMessage();
                echo "$plugin stays: ", $error->getMessage(), "\n";
                initialise_cfg();
            }
        }
    }
    core_plugin_manager::reset_caches();
    return ['changed' => $changed, 'refused' => $refused];
};
