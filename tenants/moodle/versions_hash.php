<?php
// Prints the allversionshash of the code tree given as argument or, with the second
// argument "all", the version of each plugin as JSON. Run by tenants/php.py on the
// command line; loads one class of the tree, no database.

define('CLI_SCRIPT', true);
define('ABORT_AFTER_CONFIG', true);
define('CACHE_DISABLE_ALL', true);
define('IGNORE_COMPONENT_CACHE', true);
define('MOODLE_INTERNAL', true);

$CFG = new stdClass();
// Since 5.1 the code that is served lies in public/.
$CFG->dirroot = is_file("{$argv[1]}/public/version.php") ? "{$argv[1]}/public" : $argv[1];
$CFG->root = $argv[1];
$CFG->libdir = "$CFG->dirroot/lib";
$CFG->admin = 'admin';

$class = "$CFG->libdir/classes/component.php";
if (!is_readable($class)) {
    fwrite(STDERR, "there is no readable $class: unpack the tree completely\n");
    exit(1);
}
require $class;

$component = class_exists('core_component') ? 'core_component' : 'core\component';
echo ($argv[2] ?? '') === 'all'
    ? json_encode($component::get_all_versions())
    : $component::get_all_versions_hash(), "\n";
