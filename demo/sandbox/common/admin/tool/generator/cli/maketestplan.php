<?php
// Makes a test plan for JMeter, and the list of the users that it logs in as.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../../../config.php';
require_once "$CFG->libdir/clilib.php";

const USERS = ['XS' => 1, 'S' => 30, 'M' => 100, 'L' => 1000, 'XL' => 5000, 'XXL' => 10000];

/** Store a file; return where an administrator finds it. */
function store(string $area, string $name, string $text): string {
    global $CFG;
    $context = context_system::instance()->id;
    $file = get_file_storage()->create_file_from_string([
        'contextid' => $context, 'component' => 'tool_generator', 'filearea' => $area, 'itemid' => 0, 'filepath' => '/', 'filename' => $name,
    ], $text);
    return "$CFG->wwwroot/pluginfile.php/$context/tool_generator/$area/0/" . rawurlencode($file->get_filename());
}

[$options, $unrecognised] = cli_get_params(
    ['help' => false, 'shortname' => false, 'size' => false, 'bypasscheck' => false, 'updateuserspassword' => false], ['h' => 'help']
);
cli_refuse_unknown($unrecognised);
if ($options['help'] || !$options['shortname'] || !isset(USERS[$options['size']])) {
    cli_writeln('Make a test plan: --shortname=COURSE --size=XS|S|M|L|XL|XXL [--bypasscheck] [--updateuserspassword]');
    exit($options['help'] ? 0 : 1);
}
if (!$options['bypasscheck'] && empty($CFG->debugdeveloper)) {
    cli_error('A site that is not in developer mode makes no test plans: add --bypasscheck.');
}
$course = $DB->get_record('course', ['shortname' => $options['shortname']]);
if (!$course) {
    cli_error("Error: there is no course $options[shortname]");
}
$number = USERS[$options['size']];
$users = array_slice(get_enrolled_users(context_course::instance($course->id), '', 0, 'u.id, u.username'), 0, $number, true);
if (count($users) < $number) {
    cli_error("Error: the course needs $number users for this size, and has " . count($users));
}
$password = $CFG->tool_generator_users_password ?? null;
if (!is_string($password) || $password === '') {
    cli_error('Error: set tool_generator_users_password among the forced settings: the test users log in with it');
}
core\session\manager::set_user(get_admin());
if ($options['updateuserspassword']) {
    array_map(static fn(stdClass $user): bool => update_internal_user_password($user, $password), $users);
}
$root = parse_url($CFG->wwwroot);
$values = [
    'host' => $root['host'], 'port' => $root['port'] ?? '', 'protocol' => $root['scheme'], 'path' => $root['path'] ?? '',
    'users' => $number, 'course' => $course->id,
];
$plan = file_get_contents(dirname(__DIR__) . '/testplan.jmx');
foreach ($values as $name => $value) {
    $plan = str_replace("{{{$name}}}", htmlspecialchars((string) $value, ENT_XML1), $plan);
}
$stamp = date('YmdHis') . '_' . random_int(1000, 9999);
cli_writeln(store('testplan', "testplan_$stamp.jmx", $plan));
cli_writeln(store('users', "users_$stamp.csv", implode('', array_map(static fn(stdClass $user): string => "$user->username,$password\n", $users))));
