<?php
// Imports texts of the site's own from .php files, or .zip files of these.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../../../config.php';
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->dirroot/$CFG->admin/tool/customlang/locallib.php";

/** Return the texts that a language file sets in single quotes. No code of it is run. */
function strings_of(string $php): array {
    $code = array_filter(PhpToken::tokenize($php), static fn(PhpToken $token): bool => !$token->is([T_COMMENT, T_DOC_COMMENT]));
    preg_match_all('/\$string\[\'([a-zA-Z][\w:.-]*)\'\]\s*=\s*\'((?:[^\'\\\\]|\\\\.)*)\'\s*;/s', implode('', $code), $found);
    return array_combine($found[1], preg_replace('/\\\\([\\\\\'])/', '$1', $found[2]));
}

/** Return what .php files hold, by the names of these. */
function contents(string $path): array {
    if (str_ends_with($path, '.php')) {
        return [basename($path, '.php') => file_get_contents($path)];
    }
    $zip = new ZipArchive();
    $zip->open($path, ZipArchive::RDONLY) === true || cli_error("$path is no zip file");
    $found = [];
    for ($at = 0; $at < $zip->numFiles; $at++) {
        $name = $zip->getNameIndex($at);
        if (str_ends_with($name, '.php')) {
            $found[basename($name, '.php')] = $zip->getFromIndex($at);
        }
    }
    return $found;
}

/** Put a text into the table, if the mode is for such; return what to tell of it. */
function import(string $lang, string $component, string $name, string $text, string $mode): string {
    global $DB;
    $id = (int) $DB->get_field('tool_customlang_components', 'id', ['name' => $component]);
    $row = $DB->get_record('tool_customlang', ['lang' => $lang, 'componentid' => $id, 'stringid' => $name]);
    if (!$row) {
        return "Unknown: $component/$name is no text of the site, or none was checked out yet";
    }
    if (($mode === 'new' && $row->local !== null) || ($mode === 'update' && $row->local === null)) {
        return "Left out: $component/$name";
    }
    $DB->update_record('tool_customlang', ['id' => $row->id, 'local' => $text, 'timecustomized' => time(), 'modified' => 1]);
    return "Imported: $component/$name";
}

[$options, $unrecognised] = cli_get_params(
    ['help' => false, 'lang' => false, 'source' => false, 'mode' => 'all', 'checkin' => false], ['h' => 'help']
);
cli_refuse_unknown($unrecognised);
if ($options['help']) {
    cli_writeln('Import texts: [--lang=CODE] [--source=PATH] [--mode=all|new|update] [--checkin]');
    exit(0);
}
$source = $options['source'] ?: "$CFG->tempdir/customlang";
$paths = is_dir($source) ? glob("$source/*") : array_filter([$source], 'is_file');
$paths = preg_grep('/\.(php|zip)$/', $paths) ?: cli_error("There is no .php or .zip file at $source");
foreach ($paths as $path) {
    preg_match('/^customlang_([a-z]+)\w*\.zip$/', basename($path), $named);
    $lang = $options['lang'] ?: $named[1] ?? cli_error("Give the language of $path by --lang");
    $options['checkin'] && tool_customlang_utils::checkout($lang);
    foreach (contents($path) as $file => $php) {
        $component = tool_customlang_utils::list_components()[$file] ?? $file;
        foreach (strings_of($php) as $name => $text) {
            cli_writeln(import($lang, $component, $name, $text, $options['mode']));
        }
    }
    $options['checkin'] && tool_customlang_utils::checkin($lang);
}
