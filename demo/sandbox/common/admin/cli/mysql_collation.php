<?php
// Brings the database, its tables and their columns to a collation, or lists collations.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unrecognised] = cli_get_params(
    ['help' => false, 'list' => false, 'collation' => false, 'available' => false], ['h' => 'help', 'l' => 'list', 'a' => 'available']
);
cli_refuse_unknown($unrecognised);
$available = $DB->get_records_sql_menu("SELECT collation_name, character_set_name FROM information_schema.collations"
    . " WHERE character_set_name LIKE 'utf8%' ORDER BY collation_name");
if ($options['available']) {
    cli_writeln("List of available MySQL collations for $CFG->wwwroot:");
    array_map(static fn(string $name) => cli_writeln(" $name"), array_keys($available));
    exit(0);
}
if (!$options['list'] && !$options['collation']) {
    cli_writeln('Collations: --collation=NAME, --list or --available');
    exit(0);
}

/** Yield the table, its collation, and the collations of its columns, by table. */
function collations(): Generator {
    global $DB, $CFG;
    foreach ($DB->get_tables(false) as $table) {
        $own = $DB->get_field_sql('SELECT table_collation FROM information_schema.tables'
            . ' WHERE table_schema = DATABASE() AND table_name = ?', [$CFG->prefix . $table]);
        yield $table => [$own, $DB->get_records_sql_menu('SELECT column_name, collation_name FROM information_schema.columns'
            . ' WHERE table_schema = DATABASE() AND table_name = ? AND collation_name IS NOT NULL', [$CFG->prefix . $table])];
    }
}

if ($options['list']) {
    $counts = [];
    cli_writeln("List of tables for $CFG->wwwroot:");
    foreach (collations() as $table => [$own, $columns]) {
        cli_writeln(str_pad($CFG->prefix . $table, 40) . $own);
        foreach ($columns as $name => $collation) {
            cli_writeln('    ' . str_pad($name, 36) . $collation);
        }
        foreach ([$own, ...array_values($columns)] as $collation) {
            $counts[$collation] = ($counts[$collation] ?? 0) + 1;
        }
    }
    cli_writeln("\nTable collations summary for $CFG->wwwroot:");
    array_walk($counts, static fn(int $number, string $name) => cli_writeln("$name: $number"));
    exit(0);
}
$wanted = strtolower($options['collation']);
$charset = $available[$wanted] ?? cli_error("Error: collation '$wanted' is not available on this server!");
$DB->change_database_structure("ALTER DATABASE `$CFG->dbname` DEFAULT CHARACTER SET $charset DEFAULT COLLATE = $wanted");
$done = ['CONVERTED' => 0, 'NO CHANGE' => 0];
foreach (collations() as $table => [$own, $columns]) {
    $others = array_filter([$CFG->prefix . $table => $own] + $columns, static fn(string $name): bool => $name !== $wanted);
    if ($others) { // also columns of a table that has the collation
        $DB->change_database_structure("ALTER TABLE `$CFG->prefix$table` CONVERT TO CHARACTER SET $charset COLLATE $wanted");
    }
    foreach ([$CFG->prefix . $table => $own] + $columns as $name => $collation) {
        $what = isset($others[$name]) ? 'CONVERTED' : 'NO CHANGE';
        $done[$what]++;
        cli_writeln(str_pad($name, 40) . " - $what");
    }
}
cli_writeln("Converted: $done[CONVERTED], skipped: {$done['NO CHANGE']}, errors: 0");
