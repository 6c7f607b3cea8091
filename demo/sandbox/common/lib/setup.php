<?php
// Bootstrap. Required by config.php once $CFG is filled in; in Moodle's order:
// data path, maintenance page, early return, database, settings, upgrade lock.

define('MOODLE_INTERNAL', true);
defined('MATURITY_STABLE') || define('MATURITY_STABLE', 200);
defined('CLI_SCRIPT') || define('CLI_SCRIPT', false);
const SITEID = 1; // the front page, a course as well

$CFG->dirroot = dirname(__DIR__);
$CFG->libdir = __DIR__;
$CFG->cachedir ??= "$CFG->dataroot/cache";
$CFG->localcachedir ??= "$CFG->dataroot/localcache";
$CFG->tempdir ??= "$CFG->dataroot/temp";
$CFG->backuptempdir ??= "$CFG->tempdir/backup";
$CFG->langlocalroot ??= "$CFG->dataroot/lang";
$CFG->admin ??= 'admin';
$CFG->filepermissions ??= $CFG->directorypermissions & 0666;
$CFG->forced_plugin_settings ??= [];
$CFG->config_php_settings = (array) $CFG;

if (CLI_SCRIPT && isset($_SERVER['REMOTE_ADDR'])) {
    exit("Command line scripts can not be executed from the web interface\n");
}
if (!CLI_SCRIPT && !isset($_SERVER['REMOTE_ADDR'])) {
    exit("Command line scripts must define CLI_SCRIPT before requiring config.php\n");
}
if (!is_dir($CFG->dataroot) || !is_writable($CFG->dataroot)) {
    CLI_SCRIPT || http_response_code(500);
    echo "Fatal error: \$CFG->dataroot is not writable, admin has to fix directory permissions! Exiting.\n";
    exit(1);
}
if (!CLI_SCRIPT && is_file("$CFG->dataroot/climaintenance.html")) {
    http_response_code(503);
    header('Retry-After: 300');
    readfile("$CFG->dataroot/climaintenance.html");
    exit;
}
if (defined('ABORT_AFTER_CONFIG')) {
    return;
}
set_exception_handler(function (Throwable $error) {
    CLI_SCRIPT || http_response_code(500);
    echo '!!! ' . $error->getMessage() . " !!!\n";
    exit(1);
});
// Classes that few need, where Moodle has them.
const CLASSES = [
    'cache' => 'cache/classes/cache.php',
    'cache_config' => 'cache/locallib.php',
    'cache_helper' => 'cache/classes/cache.php',
    'cache_store' => 'cache/locallib.php',
    'cachestore_redis' => 'cache/stores/redis/lib.php',
    'core_course_category' => 'course/classes/category.php',
    'core_string_manager' => 'lib/classes/string_manager.php',
    'database_manager' => 'lib/ddl/database_manager.php',
    'file_storage' => 'lib/filestorage/file_storage.php',
    'file_system_filedir' => 'lib/filestorage/file_system_filedir.php',
    'stored_file' => 'lib/filestorage/stored_file.php',
];
spl_autoload_register(static function (string $class) use ($CFG): void {
    isset(CLASSES[$class]) && require_once "$CFG->dirroot/" . CLASSES[$class];
});
require_once __DIR__ . '/classes/component.php';
require_once __DIR__ . '/classes/plugin_manager.php';
require_once __DIR__ . '/classes/session/manager.php';
require_once __DIR__ . '/setuplib.php';
require_once __DIR__ . '/moodlelib.php';
require_once __DIR__ . '/accesslib.php';
require_once __DIR__ . '/enrollib.php';
require_once "$CFG->dirroot/course/lib.php";
require_once __DIR__ . '/dml/moodle_database.php';
require_once __DIR__ . '/dml/moodle_transaction.php';

$DB = new moodle_database($CFG);
$DB->get_columns('config') && initialise_cfg();
$CFG->mnet_localhost_id ??= '1';
if (($CFG->upgraderunning ?? 0) > time()) {
    throw new Exception('Site is being upgraded, please retry later.');
}
foreach ([$CFG->cachedir, $CFG->localcachedir, "$CFG->dataroot/filedir"] as $directory) {
    is_dir($directory) || mkdir($directory, $CFG->directorypermissions, true);
}
