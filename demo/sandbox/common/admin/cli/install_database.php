<?php
// Creates the tables of a site in an empty database.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->libdir/upgradelib.php";
require_once "$CFG->libdir/cronlib.php";
require_once "$CFG->libdir/db/tables.php";
require_once "$CFG->libdir/db/install.php";

[$options, $unrecognised] = cli_get_params([
    'lang' => 'en', 'adminuser' => 'admin', 'adminpass' => '', 'adminemail' => '', 'supportemail' => '',
    'agree-license' => false, 'fullname' => '', 'shortname' => '', 'summary' => '', 'help' => false,
], ['h' => 'help']);
cli_refuse_unknown($unrecognised);
if ($options['help']) {
    cli_writeln('Advanced command line Moodle database installer: --adminpass=PASSWORD --agree-license');
    exit(0);
}
if ($DB->get_columns('config')) {
    cli_error('Database tables already present; command line installation cannot continue.');
}
if (!$options['agree-license']) {
    cli_error("You have to agree to the license. --agree-license");
}
if ($options['adminpass'] === '' || $options['adminpass'] === true) {
    cli_error("Missing or invalid value of --adminpass");
}
check_environment();
require "$CFG->dirroot/version.php";
foreach (TABLES as $name => $columns) {
    $DB->execute("CREATE TABLE {{$name}} (id bigint AUTO_INCREMENT PRIMARY KEY, $columns)"
        . ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci');
}
add_scheduled_tasks();
xmldb_main_install();
upgrade_core($version, $release, $branch);
upgrade_noncore();
$DB->execute('INSERT INTO {course} (category, sortorder, fullname, shortname, timecreated) VALUES (0, 1, ?, ?, ?)',
    [$options['fullname'], $options['shortname'], time()]);
$passwords = [
    'guest' => password_hash('guest', PASSWORD_BCRYPT, ['cost' => 4]), // no secret: quick
    $options['adminuser'] => password_hash($options['adminpass'], PASSWORD_DEFAULT),
];
foreach ($passwords as $user => $password) {
    $DB->execute("INSERT INTO {user} (auth, username, password, email) VALUES ('manual', ?, ?, ?)",
        [$user, $password, $options['adminemail']]);
}
set_config('siteidentifier', bin2hex(random_bytes(16)) . parse_url($CFG->wwwroot, PHP_URL_HOST));
set_config('siteguest', '1');
set_config('siteadmins', '2');
set_config('maintenance_enabled', 0);
set_config('cron_enabled', 1);
set_config('themerev', time());
cli_writeln('Installation completed successfully.');
