<?php
// Lists the scheduled tasks, or runs one now. Exits 0 also when the task fails.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->libdir/cronlib.php";

[$options, $unrecognised] = cli_get_params([
    'help' => false, 'list' => false, 'execute' => false, 'showsql' => false, 'showdebugging' => false,
    'force' => false, 'disable' => false, 'enable' => false,
], ['h' => 'help', 'f' => 'force']);
cli_refuse_unknown($unrecognised);
$class = $options['execute'] ?: $options['enable'] ?: $options['disable'];
if ($options['list']) {
    foreach ($DB->rows('SELECT classname, minute, hour, day, dayofweek, month FROM {task_scheduled} ORDER BY id') as $row) {
        cli_writeln(str_pad(array_shift($row), 50) . ' ' . implode(' ', $row));
    }
    exit(0);
}
if (!$class || $options['help']) {
    cli_writeln('Scheduled cron tasks.');
    exit(0);
}
if (($CFG->allversionshash ?? '') !== core_component::get_all_versions_hash()) {
    cli_writeln('Moodle upgrade pending, cannot manage tasks.');
    exit(1);
}
$rows = $DB->rows('SELECT * FROM {task_scheduled} WHERE classname = ?', ['\\' . ltrim($class, '\\')]);
if (!$rows) {
    cli_writeln("Task '$class' not found");
    exit(1);
}
if ($options['enable'] || $options['disable']) {
    $DB->execute('UPDATE {task_scheduled} SET disabled = ? WHERE id = ?', [(int) (bool) $options['disable'], $rows[0]['id']]);
    cli_writeln(($options['disable'] ? 'Disabled' : 'Enabled') . " '$class'");
    exit(0);
}
if (empty($CFG->cron_enabled) && !$options['force']) {
    cli_writeln('Cron is disabled. Use --force to override.');
    exit(1);
}
foreach (['core_cron' => 129, $rows[0]['classname'] => 130] as $lock => $code) {
    if (!get_cron_lock($lock, 1)) { // Moodle waits ten seconds
        cli_writeln('Cannot obtain ' . ($code === 129 ? 'cron' : 'task') . ' lock');
        exit($code);
    }
}
run_scheduled_task($rows[0]);
