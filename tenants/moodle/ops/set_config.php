<?php
// Sets settings: {plugin: "" for the core, values: {name: value, or null to unset}}.
// Answers {changed: [names]}; nothing to do when all are so already.

return static function (array $in): array {
    global $CFG, $DB;
    $plugin = $in['plugin'] ?: null;
    $forced = $plugin
        ? ($CFG->forced_plugin_settings[$plugin] ?? [])
        : $CFG->config_php_settings;
    $fixed = array_intersect_key($in['values'], $forced);
    if ($fixed) {
        throw new agent_refusal(
            implode(', ', array_keys($fixed)) . ' is fixed for this site by config.php or by its forced'
            . ' settings, which win: change it there'
        );
    }
    // Settings as they are stored: a cache may hold what nobody invalidated.
    $stored = $plugin
        ? $DB->get_records_menu('config_plugins', ['plugin' => $plugin], '', 'name, value')
        : $DB->get_records_menu('config', null, '', 'name, value');
    $changed = [];
    foreach ($in['values'] as $name => $value) {
        if (($stored[$name] ?? null) !== $value) {
            set_config($name, $value, $plugin);
            $changed[] = $name;
        }
    }
    // What is stored may be new without us: then only the cache is behind.
    cache_helper::invalidate_by_definition('core', 'config', [], $plugin ?? 'core');
    if (!$changed) {
        throw new agent_nothing_to_do('it is so already');
    }
    return ['changed' => $changed];
};
