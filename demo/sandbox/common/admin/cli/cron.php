<?php
// Runs the tasks that are due, once. Exits 0 also when tasks fail.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->libdir/cronlib.php";

[$options, $unrecognised] = cli_get_params([
    'help' => false, 'stop' => false, 'list' => false, 'force' => false, 'enable' => false,
    'disable' => false, 'disable-wait' => false, 'keep-alive' => null,
], ['h' => 'help', 's' => 'stop', 'l' => 'list', 'f' => 'force', 'e' => 'enable', 'd' => 'disable', 'w' => 'disable-wait', 'k' => 'keep-alive']);
cli_refuse_unknown($unrecognised);
if ($options['help']) {
    cli_writeln('Execute periodic cron actions.');
    exit(0);
}
if ($options['stop']) {
    exit(0);
}
if ($options['enable'] || $options['disable'] || $options['disable-wait']) {
    set_config('cron_enabled', (int) (bool) $options['enable']);
    cli_writeln('Cron has been ' . ($options['enable'] ? 'enabled' : 'disabled') . ' for the site.');
    exit(0);
}
if ($options['list']) {
    cli_writeln('The list of currently running tasks:');
    foreach ($DB->rows('SELECT pid, hostname, classname FROM {task_scheduled} WHERE timestarted IS NOT NULL') as $row) {
        cli_writeln(implode(' ', $row));
    }
    exit(0);
}
if (empty($CFG->cron_enabled) && !$options['force']) {
    cli_writeln('Cron is disabled. Use --force to override.');
    exit(1);
}
if (is_file("$CFG->dataroot/climaintenance.html")) {
    cli_writeln('CLI maintenance mode active, cron execution suspended.');
    exit(1);
}
if (($CFG->allversionshash ?? '') !== core_component::get_all_versions_hash()) {
    cli_writeln('Moodle upgrade pending, cron execution suspended.');
    exit(1);
}
$started = time();
cli_writeln('Server Time: ' . date('r', $started) . "\n");
$last = $DB->rows("SELECT value FROM {config_plugins} WHERE plugin = 'tool_task' AND name = 'lastcronstart'");
set_config('lastcronstart', $started, 'tool_task');
if ($last) {
    set_config('lastcroninterval', max(1, $started - $last[0]['value']), 'tool_task');
}
if (get_runner_lock('scheduled')) {
    $due = 'disabled = 0 AND (lastruntime IS NULL OR lastruntime < ?) AND (nextruntime IS NULL OR nextruntime < ?)';
    foreach ($DB->rows("SELECT * FROM {task_scheduled} WHERE $due ORDER BY lastruntime, id", [$started, $started]) as $row) {
        run_scheduled_task($row);
    }
} else {
    cli_writeln('Skipping processing of scheduled tasks. Concurrency limit reached.');
}
if (get_runner_lock('adhoc')) {
    $rows = $DB->rows('SELECT * FROM {task_adhoc} WHERE nextruntime < ? AND timestarted IS NULL ORDER BY nextruntime, id', [time()]);
    array_walk($rows, fn(array $row) => run_adhoc_task($row));
    cli_writeln('Ran ' . count($rows) . ' adhoc tasks found at ' . date('r', $started));
} else {
    cli_writeln('Skipping processing of adhoc tasks. Concurrency limit reached.');
}
cli_writeln('Cron run completed correctly');
