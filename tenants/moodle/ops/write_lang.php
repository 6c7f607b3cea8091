<?php
// Puts customised strings in their place: {strings: {lang: {component: {id: text}}},
// plugins, langs: as asked of read_lang, prune: whether to remove what else is customised
// there}. A component's strings are replaced as a whole, all components or none. Answers
// {added, replaced, deleted, unchanged: counts of components in a language}.

/** Returns the strings that a file defines. */
$strings = static function (string $file): array {
    $string = [];
    if (is_file($file)) {
        include $file;
    }
    return $string;
};

/** Returns them as PHP. They come as data: no code of the source is run here. */
$text = static function (array $strings): string {
    $lines = ['<?php', '// Customised strings, written by VMoodle.', '',
        "defined('MOODLE_INTERNAL') || die();", ''];
    foreach ($strings as $id => $value) {
        if ((string) $id !== clean_param($id, PARAM_STRINGID)) {
            throw new agent_refusal("$id is no name of a string");
        }
        $lines[] = "\$string['$id'] = " . var_export((string) $value, true) . ';';
    }
    return implode("\n", $lines) . "\n";
};

/** Tells the tool for customising, which keeps a copy while somebody edits. */
$tell = static function (string $lang, string $component, array $strings): void {
    global $DB;
    $id = $DB->get_field('tool_customlang_components', 'id', ['name' => $component]);
    foreach ($DB->get_records('tool_customlang', ['lang' => $lang, 'componentid' => $id]) as $row) {
        $local = $strings[$row->stringid] ?? null;
        if ($row->local !== $local) {
            $row->local = $local;
            $row->timecustomized = time();
            $row->modified = 0;
            $DB->update_record('tool_customlang', $row);
        }
    }
};

/** Moves staged files into place, null: away; puts all back when one fails. */
$swap = static function (array $staged): void {
    $kept = [];
    $fresh = [];
    try {
        foreach ($staged as $file => $new) {
            if (is_file($file)) {
                copy($file, "$file.old") || throw new agent_refusal("$file.old cannot be written");
                $kept[] = $file;
            } else {
                $fresh[] = $file;
            }
            // In one step, so that a page finds the one or the other.
            $done = $new ? rename($new, $file) : unlink($file);
            $done || throw new agent_refusal("$file cannot be written");
        }
    } catch (Throwable $error) {
        array_map('unlink', array_filter($fresh, 'is_file'));
        array_map(static fn(string $file): bool => rename("$file.old", $file), $kept);
        throw $error;
    }
    array_map(static fn(string $file): bool => unlink("$file.old"), $kept);
};

/** Writes a text beside its place; returns where. */
$stage = static function (string $file, string $text): string {
    global $CFG;
    check_dir_exists(dirname($file));
    if (file_put_contents("$file.new", $text) !== strlen($text)) {
        throw new agent_refusal("$file.new cannot be written");
    }
    chmod("$file.new", $CFG->filepermissions);
    return "$file.new";
};

/** Returns the strings of components and languages that are here, by both. */
$choose = static function (array $in, array $known, array $installed): array {
    $all = ['plugins' => $in['plugins'] === ['all'], 'langs' => $in['langs'] === ['all']];
    // What was asked for by name must be here; of "all" what is here.
    $here = static function (bool $is, bool $all, string $what): bool {
        if (!$is && !$all) {
            throw new agent_refusal("the site has no $what: install it first");
        }
        echo $is ? '' : "left out: the site has no $what\n";
        return $is;
    };
    $wanted = [];
    foreach ($in['strings'] as $lang => $components) {
        if (!$here(in_array($lang, $installed, true), $all['langs'], "language $lang")) {
            continue;
        }
        foreach ($components as $component => $values) {
            if ($here(isset($known[$component]), $all['plugins'], $component)) {
                $wanted[$lang][$component] = $values;
            }
        }
    }
    if ($in['prune']) {
        $full = static fn(string $name): string => array_search($name, $known, true) ?: $name;
        $named = $all['plugins'] ? array_keys($known) : array_map($full, $in['plugins']);
        foreach ($all['langs'] ? $installed : array_intersect($in['langs'], $installed) as $lang) {
            foreach (array_intersect($named, array_keys($known)) as $component) {
                $wanted[$lang][$component] ??= [];
            }
        }
    }
    return $wanted;
};

return static function (array $in) use ($strings, $text, $tell, $swap, $stage, $choose): array {
    global $CFG, $DB;
    require_once "$CFG->dirroot/$CFG->admin/tool/customlang/locallib.php";
    $known = array_flip(tool_customlang_utils::list_components());
    $installed = array_keys(get_string_manager()->get_list_of_translations(true));
    $wanted = $choose($in, $known, $installed);
    $done = ['added' => 0, 'replaced' => 0, 'deleted' => 0, 'unchanged' => 0];
    $staged = [];
    $transaction = $DB->start_delegated_transaction();
    try {
        foreach ($wanted as $lang => $components) {
            foreach ($components as $component => $values) {
                $file = "$CFG->langlocalroot/{$lang}_local/$known[$component].php";
                $now = $strings($file);
                if ($now == $values) {
                    $done['unchanged'] += $values ? 1 : 0;
                    continue;
                }
                $what = $values ? ($now ? 'replaced' : 'added') : 'deleted';
                $done[$what]++;
                echo "$what $lang $component\n";
                $staged[$file] = $values ? $stage($file, $text($values)) : null;
                $tell($lang, $component, $values);
            }
        }
        if (!$staged) {
            throw new agent_nothing_to_do('it is so already');
        }
        $swap($staged);
        $transaction->allow_commit();
    } catch (Throwable $error) {
        $transaction->rollback($error);
    } finally {
        array_map('unlink', array_filter($staged, static fn(?string $new): bool => $new && is_file($new)));
    }
    get_string_manager()->reset_caches();
    return $done;
};
