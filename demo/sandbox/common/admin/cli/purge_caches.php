<?php
// Purges the caches of a site: all of them, or those that are named.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->libdir/upgradelib.php";

$kinds = ['muc' => false, 'theme' => false, 'lang' => false, 'js' => false, 'filter' => false, 'other' => false];
[$options, $unrecognised] = cli_get_params($kinds + ['help' => false], ['h' => 'help']);
cli_refuse_unknown($unrecognised, 2);
if ($options['help']) {
    cli_writeln('Invalidates Moodle internal caches');
    exit(0);
}
$chosen = array_filter(array_intersect_key($options, $kinds)) ?: array_fill_keys(array_keys($kinds), true);
foreach (['theme' => 'themerev', 'js' => 'jsrev', 'lang' => 'langrev'] as $kind => $counter) {
    if (isset($chosen[$kind])) {
        set_config($counter, max(time(), ($CFG->$counter ?? 0) + 1));
    }
}
if (isset($chosen['other'])) {
    foreach ([$CFG->cachedir, $CFG->localcachedir] as $directory) {
        $files = new RecursiveIteratorIterator(
            new RecursiveDirectoryIterator($directory, FilesystemIterator::SKIP_DOTS),
            RecursiveIteratorIterator::CHILD_FIRST
        );
        foreach ($files as $file) {
            $file->isDir() ? rmdir($file) : unlink($file);
        }
        rmdir($directory);
    }
}
