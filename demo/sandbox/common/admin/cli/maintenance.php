<?php
// Switches the maintenance mode of a site; always exits 0.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unrecognised] = cli_get_params(
    ['enable' => false, 'enablelater' => 0, 'enableold' => false, 'disable' => false, 'help' => false], ['h' => 'help']
);
cli_refuse_unknown($unrecognised);
$page = "$CFG->dataroot/climaintenance.html";
if ($options['help']) {
    cli_writeln('Maintenance mode settings. Current status displayed if not enable/disable.');
} else if ($options['enablelater'] > 0) {
    set_config('maintenance_later', time() + 60 * $options['enablelater']);
    cli_writeln('CLI maintenance mode will be enabled on ' . date('c', $CFG->maintenance_later));
} else if ($options['enable']) {
    file_put_contents($page, '<!doctype html><title>Maintenance</title><p>This site is undergoing maintenance.');
    cli_writeln('Your site is currently in CLI maintenance mode.');
} else if ($options['enableold']) {
    set_config('maintenance_enabled', 1);
    cli_writeln('Maintenance mode has been enabled');
} else if ($options['disable']) {
    set_config('maintenance_enabled', 0);
    set_config('maintenance_later', null);
    is_file($page) && unlink($page);
    cli_writeln('Maintenance mode has been disabled');
} else {
    cli_writeln('Status: ' . (is_file($page) || !empty($CFG->maintenance_enabled) ? 'enabled' : 'disabled'));
}
