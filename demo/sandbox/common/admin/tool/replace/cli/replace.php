<?php
// Replaces a text in all texts of the database, but for those of settings, sessions, files and logs.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../../../config.php';
require_once "$CFG->libdir/clilib.php";

const LEFT = ['config', 'config_plugins', 'config_log', 'sessions', 'files', 'logstore_standard_log', 'upgrade_log'];

[$options, $unrecognised] = cli_get_params([
    'search' => null, 'replace' => null, 'skiptables' => '', 'shorten' => false, 'non-interactive' => false, 'help' => false,
], ['h' => 'help']);
cli_refuse_unknown($unrecognised);
['search' => $search, 'replace' => $replace] = $options;
if ($options['help'] || $search === null || $replace === null) {
    cli_writeln('Replace a text: --search=TEXT --replace=TEXT [--skiptables=NAMES] [--shorten] [--non-interactive]');
    exit(0);
}
if (!$options['shorten'] && mb_strlen($replace) > mb_strlen($search)) {
    cli_error('The new text is longer than the old one: give --shorten.');
}
if (!$options['non-interactive']) {
    echo "Replace it everywhere? Type y (means yes) or n (means no)\n: ";
    trim((string) fgets(STDIN)) === 'y' || exit(1);
}
foreach (array_diff($DB->get_tables(false), LEFT, explode(',', $options['skiptables'])) as $table) {
    foreach ($DB->get_columns($table) as $name => $column) {
        if (!in_array($column->meta_type, ['C', 'X'], true)) {
            continue;
        }
        $new = "REPLACE(`$name`, ?, ?)";
        $new = $column->meta_type === 'C' ? "LEFT($new, $column->max_length)" : $new;
        // REPLACE itself heeds upper and lower case.
        $DB->execute("UPDATE {{$table}} SET `$name` = $new WHERE INSTR(`$name`, BINARY ?)", [$search, $replace, $search]);
    }
}
purge_all_caches();
cli_writeln('Success');
