<?php
// Texts of the interface: those of the code tree, then those that the site has of its own.

class core_string_manager {
    /** Return a text, with {$a} or {$a->name} filled in; its name in brackets when there is none. */
    public function get_string(string $identifier, string $component = '', mixed $a = null, ?string $lang = null): string {
        $text = $this->load_component_strings($component, $lang ?? 'en')[$identifier] ?? "[[$identifier]]";
        if (!is_object($a) && !is_array($a)) {
            return str_replace('{$a}', (string) $a, $text);
        }
        $marks = array_map(static fn(string $name): string => "{\$a->$name}", array_keys((array) $a));
        return str_replace($marks, array_map('strval', array_values((array) $a)), $text);
    }

    public function load_component_strings(string $component, string $lang, bool $local = true): array {
        global $CFG;
        [$type, $name] = core_component::normalize_component($component);
        $file = $type === 'core' ? $name ?? 'moodle' : ($type === 'mod' ? $name : "{$type}_$name");
        $directory = $type === 'core' ? $CFG->dirroot : core_component::get_component_directory($component);
        return ($local ? self::strings("$CFG->langlocalroot/{$lang}_local/$file.php") : [])
            + self::strings("$CFG->langlocalroot/$lang/$file.php") + self::strings("$directory/lang/en/$file.php");
    }

    /** Return the languages that are here, by their codes. */
    public function get_list_of_translations(bool $returnall = false): array {
        global $CFG;
        $codes = array_map(static fn(string $file): string => basename(dirname($file)), glob("$CFG->langlocalroot/*/langconfig.php"));
        return array_combine(['en', ...$codes], ['en', ...$codes]);
    }

    public function reset_caches(): void {
        next_revision('langrev');
    }

    public static function strings(string $file): array {
        $string = [];
        is_file($file) && include $file;
        return $string;
    }
}
