<?php
// The switches of the types of plugins that the sandbox has, each where Moodle keeps it.

namespace core\plugininfo;

class base {
    private const STANDARD = ['auth_email', 'auth_manual', 'block_badges', 'filter_multilang', 'mod_forum', 'mod_quiz', 'theme_boost'];

    public function __construct(
        public readonly string $component, public readonly ?string $versiondb, public readonly ?string $rootdir
    ) {
    }

    /** Whether it comes with Moodle. */
    public function is_standard(): bool {
        return in_array($this->component, self::STANDARD, true);
    }

    public function displayname(): string {
        $texts = get_string_manager()->load_component_strings($this->component, 'en');
        return $texts['pluginname'] ?? $this->component;
    }

    public static function enable_plugin(string $pluginname, int $enabled): bool {
        return false;
    }
}

class auth extends base {
    public static function enable_plugin(string $pluginname, int $enabled): bool {
        global $CFG;
        $listed = array_diff(explode(',', $CFG->auth), [$pluginname, '']);
        return set_config('auth', implode(',', $enabled ? [...$listed, $pluginname] : $listed));
    }
}

class block extends base {
    public static function enable_plugin(string $pluginname, int $enabled): bool {
        global $DB;
        return $DB->set_field('block', 'visible', $enabled, ['name' => $pluginname]);
    }
}

class filter extends base {
    public static function enable_plugin(string $pluginname, int $enabled): bool {
        global $DB;
        $key = ['filter' => $pluginname, 'contextid' => \context_system::instance()->id];
        $DB->delete_records('filter_active', $key);
        return $DB->insert_record('filter_active', $key + ['active' => $enabled], false);
    }
}

/** Of activities, none of which the sandbox has to hide. */
class mod extends base {
    public static function enable_plugin(string $pluginname, int $enabled): bool {
        global $DB;
        return $DB->set_field('modules', 'visible', $enabled, ['name' => $pluginname]);
    }
}
