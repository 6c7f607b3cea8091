<?php
// Texts of the site's own: worked on in a table, in use from the site's language pack.

class tool_customlang_utils {
    /** Return the components that have texts: by the name of their file, the full name. */
    public static function list_components(): array {
        global $CFG;
        $found = [];
        foreach (glob("$CFG->dirroot/lang/en/*.php") as $file) {
            $name = basename($file, '.php');
            $found[$name] = $name === 'moodle' ? 'core' : "core_$name";
        }
        foreach (array_keys(core_component::get_plugin_types()) as $type) {
            foreach (array_keys(core_component::get_plugin_list($type)) as $name) {
                $found[$type === 'mod' ? $name : "{$type}_$name"] = "{$type}_$name";
            }
        }
        return $found;
    }

    /** Fill the table with the texts as they are. */
    public static function checkout(string $lang): void {
        global $DB;
        foreach (self::list_components() as $component) {
            $id = $DB->get_field('tool_customlang_components', 'id', ['name' => $component])
                ?: $DB->insert_record('tool_customlang_components', ['name' => $component]);
            $master = get_string_manager()->load_component_strings($component, $lang, false);
            $now = get_string_manager()->load_component_strings($component, $lang);
            $rows = $DB->get_records_menu('tool_customlang', ['lang' => $lang, 'componentid' => $id], '', 'stringid, id');
            foreach (array_diff_key($master, $rows) as $stringid => $text) {
                $DB->insert_record('tool_customlang', [
                    'lang' => $lang, 'componentid' => $id, 'stringid' => $stringid, 'original' => $text, 'master' => $text,
                    'local' => $now[$stringid] === $text ? null : $now[$stringid], 'timemodified' => time(),
                ]);
            }
        }
    }

    /** Write the texts of the table that are the site's own to its language pack. */
    public static function checkin(string $lang): void {
        global $DB, $CFG;
        $directory = "$CFG->langlocalroot/{$lang}_local";
        check_dir_exists($directory);
        foreach (self::list_components() as $file => $component) {
            $id = (int) $DB->get_field('tool_customlang_components', 'id', ['name' => $component]);
            $key = ['lang' => $lang, 'componentid' => $id];
            $texts = array_filter($DB->get_records_menu('tool_customlang', $key, 'stringid', 'stringid, local'), 'is_string');
            if ($texts) {
                self::write("$directory/$file.php", $texts);
            } else if (is_file("$directory/$file.php")) {
                unlink("$directory/$file.php");
            }
        }
        $DB->set_field('tool_customlang', 'modified', 0, ['lang' => $lang]);
        get_string_manager()->reset_caches();
    }

    private static function write(string $file, array $texts): void {
        global $CFG;
        $lines = ['<?php', "defined('MOODLE_INTERNAL') || die();", ''];
        foreach ($texts as $name => $text) {
            $lines[] = "\$string['$name'] = " . var_export($text, true) . ';';
        }
        file_put_contents("$file.new", implode("\n", $lines) . "\n");
        chmod("$file.new", $CFG->filepermissions);
        rename("$file.new", $file);
    }
}
