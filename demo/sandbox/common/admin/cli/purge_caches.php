<?php
// Purges the caches of a site: all of them, or those that are named.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

$kinds = ['muc' => false, 'theme' => false, 'lang' => false, 'js' => false, 'filter' => false, 'other' => false];
[$options, $unrecognised] = cli_get_params($kinds + ['help' => false], ['h' => 'help']);
cli_refuse_unknown($unrecognised, 2);
if ($options['help']) {
    cli_writeln('Invalidates Moodle internal caches');
    exit(0);
}
purge_caches(array_intersect_key($options, $kinds));
