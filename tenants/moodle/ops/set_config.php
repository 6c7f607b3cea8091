<?php
// Sets settings: {settings: {plugin, or "" for the core: {name: value, or null to unset}},
// leave_fixed: whether to leave out, and not to refuse, what config.php fixes}. All of
// them or none. Answers {changed, removed: [names], unchanged: count}; nothing to do when
// all are so already.

/** Returns the settings without those that would not count; refuses what is nobody's. */
$check = static function (string $plugin, array $values, bool $leave): array {
    global $CFG, $DB;
    $forced = $plugin ? ($CFG->forced_plugin_settings[$plugin] ?? []) : $CFG->config_php_settings;
    if ($fixed = array_intersect_key($values, $forced)) {
        $names = implode(', ', array_keys($fixed));
        $why = "$names is fixed for this site by config.php or by its forced settings, which win";
        if (!$leave) {
            throw new agent_refusal("$why: change it there");
        }
        echo "left out: $why\n";
    }
    $known = !$plugin || $DB->record_exists('config_plugins', ['plugin' => $plugin])
        || core_component::get_component_directory($plugin);
    if (!$known) {
        throw new agent_refusal("the site has no plugin $plugin: install it, or check the name");
    }
    return array_diff_key($values, $forced);
};

/** Writes one setting, and tells Moodle's own log of it. */
$write = static function (string $plugin, string $name, ?string $old, ?string $new): void {
    set_config($name, $new, $plugin ?: null);
    $secret = preg_match('/pass|secret|salt|credential|phrase|token|key|pw[0-9]*$|^openssl/i', $name);
    $shown = static fn(?string $value): ?string => $secret && $value ? '********' : $value;
    add_to_config_log($name, $shown($old), $shown($new), $plugin ?: null);
};

/** Does what Moodle's own settings page does after these changes. */
$follow = static function (string $plugin, array $names): void {
    $touched = static fn(string $pattern): bool => (bool) preg_grep("/^($pattern)$/", $names);
    if (str_starts_with($plugin, 'theme_') || (!$plugin && $touched('theme\w*'))
        || ($plugin === 'core_admin' && $touched('logo|logocompact|favicon|coursecolor\d+'))) {
        theme_reset_all_caches();
    }
    if (str_starts_with($plugin, 'filter_')
        || (!$plugin && $touched('filter\w+|stringfilters|formats'))) {
        reset_text_filters_cache();
    }
    if (!$plugin && $touched('lang\w*')) {
        get_string_manager()->reset_caches();
    }
    if (!$plugin && $touched('cachetemplates')) {
        template_reset_all_caches();
    }
    if (!$plugin && $touched('cachejs|yui\w+')) {
        js_reset_all_caches();
    }
    if ($touched('auth|enrol_plugins_enabled|texteditors|antiviruses|enabled_stores|\w+_sortorder|\w*(dis|en)abled\w*')) {
        core_plugin_manager::reset_caches();
        context_system::instance()->mark_dirty();
    }
};

return static function (array $in) use ($check, $write, $follow): array {
    global $DB;
    $leave = $in['leave_fixed'] ?? false;
    foreach ($in['settings'] as $plugin => $values) {
        $in['settings'][$plugin] = $check($plugin, $values, $leave);
    }
    $done = ['changed' => [], 'removed' => [], 'unchanged' => 0];
    $touched = [];
    $transaction = $DB->start_delegated_transaction();
    try {
        foreach ($in['settings'] as $plugin => $values) {
            // Settings as they are stored: a cache may hold what nobody invalidated.
            $stored = $plugin
                ? $DB->get_records_menu('config_plugins', ['plugin' => $plugin], '', 'name, value')
                : $DB->get_records_menu('config', null, '', 'name, value');
            foreach ($values as $name => $value) {
                $old = $stored[$name] ?? null;
                if ($old === $value) {
                    $done['unchanged']++;
                    continue;
                }
                $write($plugin, $name, $old, $value);
                $done[$value === null ? 'removed' : 'changed'][] = $plugin ? "$plugin/$name" : $name;
                $touched[$plugin][] = (string) $name;
            }
        }
        $transaction->allow_commit();
    } catch (Throwable $error) {
        $transaction->rollback($error);
    } finally {
        // What is stored may be new without us: then only the cache is behind.
        $keys = array_map(static fn(string $plugin): string => $plugin ?: 'core', array_keys($in['settings']));
        cache_helper::invalidate_by_definition('core', 'config', [], $keys);
    }
    if (!$touched) {
        throw new agent_nothing_to_do('it is so already');
    }
    array_walk($touched, static fn(array $names, string $plugin) => $follow($plugin, $names));
    return $done;
};
