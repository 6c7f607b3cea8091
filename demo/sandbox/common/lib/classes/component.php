<?php
// Which plugins lie on the disk, and in which version. Needs no database.

class core_component {
    private const TYPES = ['auth' => 'auth', 'block' => 'blocks', 'filter' => 'filter', 'mod' => 'mod', 'theme' => 'theme'];

    /** Return component => version of everything on the disk, core first. */
    public static function get_all_versions(): array {
        global $CFG;
        defined('MATURITY_STABLE') || define('MATURITY_STABLE', 200);
        $version = null;
        include "$CFG->dirroot/version.php";
        $versions = ['core' => $version];
        foreach (array_keys(self::TYPES) as $type) {
            foreach (self::get_plugin_list($type) as $name => $directory) {
                $plugin = new stdClass();
                include "$directory/version.php";
                $versions["{$type}_$name"] = $plugin->version;
            }
        }
        return $versions;
    }

    public static function get_all_versions_hash(): string {
        return sha1(serialize(self::get_all_versions()));
    }

    public static function get_plugin_types(): array {
        global $CFG;
        return array_map(static fn(string $directory): string => "$CFG->dirroot/$directory", self::TYPES);
    }

    /** Return where the plugins of a type lie, by name. */
    public static function get_plugin_list(string $plugintype): array {
        global $CFG;
        $directories = array_map('dirname', glob("$CFG->dirroot/" . self::TYPES[$plugintype] . '/*/version.php'));
        return array_combine(array_map('basename', $directories), $directories);
    }

    public static function get_plugin_directory(string $type, string $name): ?string {
        return self::get_component_directory("{$type}_$name");
    }

    /** Return Moodle's parts that are no plugins, as far as the sandbox knows them, by their names. */
    public static function get_core_subsystems(): array {
        $names = ['admin', 'auth', 'backup', 'badges', 'course', 'debug', 'enrol', 'error', 'files', 'filter', 'grades', 'h5p', 'plugin', 'role', 'user'];
        return array_fill_keys($names, null);
    }

    /** Return the type and the name of a component; a name alone is an activity's. */
    public static function normalize_component(string $component): array {
        if (in_array($component, ['', 'core', 'moodle'], true)) {
            return ['core', null];
        }
        if (isset(self::get_core_subsystems()[$component])) {
            return ['core', $component];
        }
        return str_contains($component, '_') ? explode('_', $component, 2) : ['mod', $component];
    }

    /** Return where a component lies, null when it is not here. */
    public static function get_component_directory(string $component): ?string {
        global $CFG;
        [$type, $name] = self::normalize_component($component);
        if ($type === 'core') {
            return $name === null ? $CFG->libdir : null;
        }
        $directory = "$CFG->dirroot/" . (self::TYPES[$type] ?? '') . "/$name";
        return isset(self::TYPES[$type]) && is_dir($directory) ? $directory : null;
    }
}
