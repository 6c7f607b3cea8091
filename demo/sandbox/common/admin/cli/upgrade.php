<?php
// Upgrades the database of a site to the code of this tree.

define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->libdir/upgradelib.php";

[$options, $unrecognised] = cli_get_params([
    'non-interactive' => false, 'allow-unstable' => false, 'help' => false, 'lang' => 'en',
    'verbose-settings' => false, 'is-pending' => false, 'is-maintenance-required' => false, 'maintenance' => true,
], ['h' => 'help']);
cli_refuse_unknown($unrecognised);
if ($options['help']) {
    cli_writeln('Command line Moodle upgrade. Please note you must execute this script with the same uid as apache!');
    exit(0);
}
if (empty($CFG->version)) {
    cli_error('Database is not yet installed.');
}
require "$CFG->dirroot/version.php";
if ($version < $CFG->version) {
    cli_error("Downgrading is not supported: the database is of version $CFG->version.");
}
$old = "$CFG->release ($CFG->version)";
if (($CFG->allversionshash ?? '') === core_component::get_all_versions_hash()) {
    cli_error("No upgrade needed for the installed version $old. Thanks for coming anyway!", 0);
}
if ($options['is-pending'] || $options['is-maintenance-required']) {
    cli_error("Upgrade pending: $old -> $release ($version)", 2);
}
check_environment();
if (!$options['non-interactive']) {
    echo "Upgrade $old to $release? Type y (means yes) or n (means no)\n: ";
    if (trim((string) fgets(STDIN)) !== 'y') {
        exit(1);
    }
}
if ($version > $CFG->version) {
    upgrade_core($version, $release, $branch);
}
upgrade_noncore();
cli_writeln("Command line upgrade from $old to $release ($version) completed successfully.");
