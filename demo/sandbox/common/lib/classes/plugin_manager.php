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
        return $version || $directory ? new core\plugininfo\base($version ?: null, $directory) : null;
    }
}
