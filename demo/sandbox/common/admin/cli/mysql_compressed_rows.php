<?php
// Tells which tables may have too long rows for their format, or compresses them.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unrecognised] = cli_get_params(
    ['help' => false, 'info' => false, 'list' => false, 'fix' => false, 'showsql' => false],
    ['h' => 'help', 'i' => 'info', 'l' => 'list', 'f' => 'fix', 's' => 'showsql']
);
cli_refuse_unknown($unrecognised);
if ($options['info']) {
    cli_writeln('Database version: ' . $DB->get_field_sql('SELECT VERSION()') . "\nDatabase name: $CFG->dbname");
    exit(0);
}
$generator = $DB->get_manager()->generator;
$wanting = [];
foreach ($DB->get_tables(false) as $table) {
    if ($generator->guess_antelope_row_size($DB->get_columns($table)) <= $generator::ANTELOPE_MAX_ROW_SIZE) {
        continue;
    }
    $format = $DB->get_row_format($table);
    $wants = in_array($format, ['Compact', 'Redundant'], true);
    $wanting = $wants ? [...$wanting, $table] : $wanting;
    $options['list'] && cli_writeln(str_pad($CFG->prefix . $table, 32) . str_pad($format, 11) . ($wants ? ' (needs fixing)' : ''));
}
if ($options['list']) {
    exit($wanting ? 1 : 0);
}
if (!$options['fix'] && !$options['showsql']) {
    cli_writeln('Long rows: --info, --list, --fix or --showsql');
    exit(0);
}
foreach ($wanting as $table) {
    $sql = "ALTER TABLE `$CFG->prefix$table` ROW_FORMAT=Compressed";
    $options['fix'] ? $DB->change_database_structure($sql) : cli_writeln("$sql;");
    $options['fix'] && cli_writeln(str_pad($CFG->prefix . $table, 32) . ' ... Compressed');
}
$wanting || cli_writeln('No changes necessary');
