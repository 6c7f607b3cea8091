<?php
// Reads or sets one setting. Exit codes: 0 found or set, 3 not set, 4 fixed in config.php.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unrecognised] = cli_get_params(
    ['component' => null, 'name' => null, 'set' => null, 'unset' => false, 'help' => false], ['h' => 'help']
);
cli_refuse_unknown($unrecognised, 2);
if ($options['help'] || $options['name'] === null) {
    cli_writeln('Manage site configuration: --name=NAME [--component=PLUGIN] [--set=VALUE | --unset]');
    exit(2);
}
if ($options['set'] !== null || $options['unset']) {
    set_config($options['name'], $options['unset'] ? null : $options['set'], $options['component']);
    exit(0);
}
$rows = $options['component'] === null
    ? $DB->rows('SELECT value FROM {config} WHERE name = ?', [$options['name']])
    : $DB->rows('SELECT value FROM {config_plugins} WHERE plugin = ? AND name = ?', [$options['component'], $options['name']]);
if (!$rows) {
    exit(3);
}
cli_writeln($rows[0]['value']);
