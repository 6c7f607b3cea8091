<?php
// Makes a course with students, for trying things on: in the first category of the site.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../../../config.php';
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->dirroot/user/lib.php";

const USERS = ['XS' => 1, 'S' => 100, 'M' => 1000, 'L' => 10000, 'XL' => 50000, 'XXL' => 100000];

[$options, $unrecognised] = cli_get_params([
    'help' => false, 'shortname' => false, 'fullname' => false, 'size' => false, 'fixeddataset' => false, 'filesizelimit' => false,
    'bypasscheck' => false, 'additionalmodules' => '', 'quiet' => false,
], ['h' => 'help']);
cli_refuse_unknown($unrecognised);
if ($options['help'] || !$options['shortname'] || !isset(USERS[$options['size']])) {
    cli_writeln('Make a test course: --shortname=NAME --size=XS|S|M|L|XL|XXL [--fullname=NAME] [--bypasscheck]');
    exit($options['help'] ? 0 : 1);
}
if (!$options['bypasscheck'] && empty($CFG->debugdeveloper)) {
    cli_error('For security reasons a site that is not in developer mode makes no test courses: add --bypasscheck.');
}
core\session\manager::set_user(get_admin());
$transaction = $DB->start_delegated_transaction();
$course = create_course((object) [
    'category' => array_key_first($DB->get_records('course_categories', null, 'sortorder', 'id')), 'shortname' => $options['shortname'],
    'fullname' => $options['fullname'] ?: "Test course: $options[size]", 'summary' => '',
]);
$enrolment = $DB->get_record('enrol', ['courseid' => $course->id, 'enrol' => 'manual']);
$student = (int) $DB->get_field('role', 'id', ['shortname' => 'student']);
for ($number = 1; $number <= USERS[$options['size']]; $number++) {
    $name = sprintf('tool_generator_%06d', $number);
    $id = $DB->get_field('user', 'id', ['username' => $name]) ?: user_create_user([
        'username' => $name, 'firstname' => 'Test', 'lastname' => "User $number", 'email' => "$name@example.com", 'password' => 'not cached',
    ], false);
    enrol_get_plugin('manual')->enrol_user($enrolment, $id, $student);
}
$transaction->allow_commit();
$options['quiet'] || cli_writeln("$CFG->wwwroot/course/view.php?id=$course->id");
