<?php
// Which plugins lie on the disk, and in which version. Needs no database.

class core_component {
    private const TYPES = ['mod', 'theme'];

    /** Return component => version of everything on the disk, core first. */
    public static function get_all_versions(): array {
        global $CFG;
        defined('MATURITY_STABLE') || define('MATURITY_STABLE', 200);
        $version = null;
        include "$CFG->dirroot/version.php";
        $versions = ['core' => $version];
        foreach (self::TYPES as $type) {
            foreach (glob("$CFG->dirroot/$type/*/version.php") as $file) {
                $plugin = new stdClass();
                include $file;
                $versions[$type . '_' . basename(dirname($file))] = $plugin->version;
            }
        }
        return $versions;
    }

    public static function get_all_versions_hash(): string {
        return sha1(serialize(self::get_all_versions()));
    }

    /** Return the type and the name of a component; a name alone is an activity's. */
    public static function normalize_component(string $component): array {
        if (in_array($component, ['', 'core', 'moodle'], true)) {
            return ['core', null];
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
        $directory = "$CFG->dirroot/$type/$name";
        return in_array($type, self::TYPES, true) && is_dir($directory) ? $directory : null;
    }
}
