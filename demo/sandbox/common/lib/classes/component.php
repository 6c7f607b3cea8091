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
}
