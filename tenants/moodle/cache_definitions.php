<?php
// Lets an upgrade remember which caches there are. While Moodle upgrades, its own caches
// are off, and for each one that is asked for it looks through all plugins anew: a
// thousand times, half a million files that are not there, a quarter of the time.
//
// Runs before upgrade.php and install_database.php (see tenants/php.py); boot.php then
// names the factory, an extension that Moodle offers: config-dist.php, section 16.
//
// VMoodle, free software under the GNU GPL, version 3 or later:
// https://www.gnu.org/licenses/gpl-3.0.html

define('VMOODLE_CACHE_FACTORY', 'vmoodle_cache_factory');

// Moodle's classes, which ours extend, are there only when it asks for the factory.
spl_autoload_register(static function (string $name): void {
    if ($name !== VMOODLE_CACHE_FACTORY) {
        return;
    }

    class vmoodle_cache_factory extends cache_factory
    {
        private static ?vmoodle_cache_config_writer $writer = null;

        public static function get_disabled_writer(): cache_config_writer
        {
            if (!cache_config::config_file_exists()) {
                cache_config_writer::create_default_configuration(true);
            }
            return self::$writer ??= new vmoodle_cache_config_writer();
        }
    }

    class vmoodle_cache_config_writer extends cache_config_writer
    {
        private static array $found = []; // by the last look through all plugins
        private array $loaded = []; // what told the file apart that was read

        public function load($configuration = false)
        {
            clearstatcache();
            $file = $configuration === false ? @stat(static::get_config_file_path()) : false;
            $seen = $file ? [$file['ino'], $file['mtime'], $file['size']] : [];
            if ($seen && $seen === $this->loaded) {
                return true;
            }
            $this->loaded = $seen;
            return parent::load($configuration);
        }

        // The code stays as it is while it runs: what was found once is there still,
        // unless only the core's were written since.
        public static function update_definitions($coreonly = false)
        {
            $factory = cache_factory::instance();
            $known = $factory->create_config_instance(true)->get_definitions();
            if (!$coreonly && self::$found && !array_diff_key(self::$found, $known)) {
                return;
            }
            parent::update_definitions($coreonly);
            if (!$coreonly) {
                self::$found = $factory->create_config_instance(true)->get_definitions();
            }
        }
    }
});
