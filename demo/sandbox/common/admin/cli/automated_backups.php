<?php
// Queues the automated backups of the courses whose time has come; cron makes them.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->libdir/cronlib.php";

[$options, $unrecognised] = cli_get_params(['help' => false], ['h' => 'help']);
cli_refuse_unknown($unrecognised);
if ($options['help']) {
    cli_writeln('Execute automated backups.');
    exit(0);
}
if (is_file("$CFG->dataroot/climaintenance.html")) {
    cli_writeln('CLI maintenance mode active, backup execution suspended.');
    exit(1);
}
if (($CFG->allversionshash ?? '') !== core_component::get_all_versions_hash()) {
    cli_writeln('Moodle upgrade pending, backup execution suspended.');
    exit(1);
}
cli_writeln('Server Time: ' . date('r') . "\n");
echo 'Checking automated backup status...';
if (!$DB->get_field('config_plugins', 'value', ['plugin' => 'backup', 'name' => 'backup_auto_active'])) {
    cli_writeln('INACTIVE');
} else if (!get_cron_lock('automated_backup', 0)) {
    cli_writeln('RUNNING');
} else {
    cli_writeln('OK');
    queue_automated_backups();
}
cli_writeln('Automated cron backups completed correctly');
