<?php
// What a new site has: Moodle's eight roles, and a few of its capabilities.

const ROLES = [ // where they may be given to users
    'manager' => [10, 40, 50], 'coursecreator' => [10, 40], 'editingteacher' => [50, 70], 'teacher' => [50, 70],
    'student' => [50, 70], 'guest' => [], 'user' => [], 'frontpage' => [],
];
const CAPABILITIES = [ // type, level and component of each, and who has it
    'moodle/site:config' => ['write', 10, 'moodle', []],
    'moodle/site:mnetlogintoremote' => ['read', 10, 'moodle', []],
    'moodle/course:create' => ['write', 40, 'moodle', ['manager', 'coursecreator']],
    'moodle/course:update' => ['write', 50, 'moodle', ['manager', 'editingteacher']],
    'mod/forum:replypost' => ['write', 70, 'mod_forum', ['manager', 'editingteacher', 'teacher', 'student']],
    'mod/quiz:attempt' => ['write', 70, 'mod_quiz', ['student']],
    'mod/quiz:preview' => ['write', 70, 'mod_quiz', ['manager', 'editingteacher', 'teacher']],
    'mod/quiz:grade' => ['write', 70, 'mod_quiz', ['manager', 'editingteacher', 'teacher']],
];
const ALLOWED = [ // who may assign, override, switch to or view whom
    'assign' => ['manager' => ['manager', 'coursecreator', 'editingteacher', 'teacher', 'student'], 'editingteacher' => ['teacher', 'student']],
    'override' => ['manager' => ['manager', 'teacher', 'student', 'guest'], 'editingteacher' => ['teacher', 'student', 'guest']],
    'switch' => ['editingteacher' => ['teacher', 'student', 'guest'], 'teacher' => ['student', 'guest']],
    'view' => ['editingteacher' => ['coursecreator', 'editingteacher', 'teacher', 'student']],
];

function xmldb_main_install(): void {
    global $DB;
    $transaction = $DB->start_delegated_transaction();
    $system = context_system::instance()->id;
    $ids = [];
    foreach (ROLES as $name => $levels) {
        $ids[$name] = create_role('', $name, '', $name);
        set_role_contextlevels($ids[$name], $levels);
    }
    foreach (CAPABILITIES as $name => [$type, $level, $component, $roles]) {
        $DB->insert_record('capabilities', ['name' => $name, 'captype' => $type, 'contextlevel' => $level, 'component' => $component]);
        foreach ($roles as $role) {
            assign_capability($name, CAP_ALLOW, $ids[$role], $system);
        }
    }
    foreach (ALLOWED as $what => $froms) {
        foreach ($froms as $from => $targets) {
            foreach ($targets as $target) {
                set_role_allowed($what, $ids[$from], $ids[$target]);
            }
        }
    }
    set_config('auth', 'email');
    set_config('enrol_plugins_enabled', 'manual');
    core_course_category::create(['name' => 'Category 1']);
    $transaction->allow_commit();
}
