<?php
// Which plugins a site has: read each time, since the sandbox keeps nothing of it.

require_once __DIR__ . '/plugininfo.php';

class core_plugin_manager {
    public static function reset_caches(): void {
    }

    public static function instance(): self {
        return new self();
    }

    public static function resolve_plugininfo_class(string $type): string {
        $class = "core\\plugininfo\\$type";
        return class_exists($class) ? $class : core\plugininfo\base::class;
    }

    /** Return what is known of a plugin, null when the site has neither rows nor code of it. */
    public function get_plugin_info(string $component): ?core\plugininfo\base {
        global $DB;
        $version = $DB->get_field('config_plugins', 'value', ['plugin' => $component, 'name' => 'version']);
        $directory = core_component::get_component_directory($component);
        return $version || $directory ? new core\plugininfo\base($component, $version ?: null, $directory) : null;
    }

    /** Return all that the site has rows of, by their full names. */
    public function get_plugins(): array {
        global $DB;
        $rows = $DB->get_records_menu('config_plugins', ['name' => 'version'], 'plugin', 'plugin, id');
        $names = array_keys($rows);
        return array_combine($names, array_map($this->get_plugin_info(...), $names));
    }

    /** Whether a site can be without it. */
    public function can_uninstall_plugin(string $component): bool {
        return !in_array($component, ['auth_manual', 'mod_forum', 'theme_boost'], true);
    }

    /** Delete all rows and files of a plugin; the site then wants an upgrade. */
    public function uninstall_plugin(string $component): bool {
        global $DB;
        [$type, $name] = core_component::normalize_component($component);
        $DB->execute('DELETE FROM {role_capabilities} WHERE capability IN (SELECT name FROM {capabilities} WHERE component = ?)', [$component]);
        foreach (['capabilities', 'task_scheduled', 'task_adhoc'] as $table) {
            $DB->delete_records($table, ['component' => $component]);
        }
        $lists = ['mod' => ['modules', 'name'], 'block' => ['block', 'name'], 'filter' => ['filter_active', 'filter']];
        if ([$table, $column] = $lists[$type] ?? null) {
            $DB->delete_records($table, [$column => $name]);
        }
        foreach ($DB->get_records('files', ['component' => $component]) as $file) {
            get_file_storage()->get_file_instance($file)->delete();
        }
        $DB->delete_records('config_plugins', ['plugin' => $component]);
        if ($type === 'mod') {
            $DB->delete_records('config_plugins', ['plugin' => $name]);
        }
        set_config('allversionshash', '');
        purge_all_caches();
        return true;
    }
}
