<?php
// Restores a course: {location, catidnumber, shortname, fullname, idnumber, visible,
// enroladmins, marker: its short name until all is done}. Answers {id, enrolled: number}.

return static function (array $in): array {
    global $CFG, $DB;
    require_once "$CFG->dirroot/course/lib.php";
    require_once "$CFG->libdir/enrollib.php";
    require_once "$CFG->dirroot/backup/util/includes/restore_includes.php";

    $location = $in['location'];
    if (!is_file($location) || !is_readable($location)) {
        throw new agent_refusal("the web server's user cannot read $location");
    }
    $where = $DB->sql_equal('idnumber', ':idnumber');
    $category = $DB->get_record_select('course_categories', $where, ['idnumber' => $in['catidnumber']]);
    if (!$category) {
        throw new agent_refusal("no category has the ID number '{$in['catidnumber']}'");
    }
    if ($DB->record_exists('course', ['shortname' => $in['shortname']])) {
        throw new agent_refusal("a course has the short name '{$in['shortname']}' already");
    }
    if ($in['idnumber'] !== '' && $DB->record_exists('course', ['idnumber' => $in['idnumber']])) {
        throw new agent_refusal("a course has the ID number '{$in['idnumber']}' already");
    }
    $teachers = [];
    if (in_array($in['enroladmins'], ['siteadmins', 'adminsandmanagers'], true)) {
        $teachers += get_admins();
    }
    if (in_array($in['enroladmins'], ['managers', 'adminsandmanagers'], true)) {
        foreach (get_archetype_roles('manager') as $role) {
            $fields = 'u.id, u.username, u.suspended';
            $teachers += get_role_users($role->id, context_system::instance(), false, $fields, 'u.username');
        }
    }
    $teachers = array_filter($teachers, static fn($user) => !$user->suspended);
    $roles = get_archetype_roles('editingteacher');
    $enrolment = enrol_get_plugin('manual');
    if ($teachers && (!$roles || !$enrolment || !enrol_is_enabled('manual'))) {
        throw new agent_refusal('nobody can be enrolled: manual enrolment is disabled, or there is no teacher role');
    }

    $directory = make_backup_temp_directory($in['marker']);
    echo "extracting $location\n";
    try {
        $files = get_file_packer('application/vnd.moodle.backup')->extract_to_pathname($location, $directory);
        $backup = $files ? backup_general_helper::get_backup_information($in['marker']) : null;
    } catch (moodle_exception $error) {
        echo $error->getMessage(), "\n";
        $backup = null;
    }
    if (!$backup) {
        throw new agent_refusal("$location is no Moodle backup, or is damaged");
    }
    if ($backup->type !== backup::TYPE_1COURSE) {
        throw new agent_refusal("$location is the backup of a part of a course, not of a course");
    }

    echo "restoring $backup->original_course_fullname\n";
    $id = restore_dbops::create_new_course($in['marker'], $in['marker'], $category->id);
    $restore = new restore_controller(
        $in['marker'],
        $id,
        backup::INTERACTIVE_NO,
        backup::MODE_GENERAL,
        get_admin()->id,
        backup::TARGET_NEW_COURSE
    );
    // Both: a full name that another course has makes Moodle change both names.
    $restore->get_plan()->get_setting('course_shortname')->set_value($in['marker']);
    $restore->get_plan()->get_setting('course_fullname')->set_value($in['marker']);
    $restore->execute_precheck();
    $told = $restore->get_precheck_results();
    foreach ($told['warnings'] ?? [] as $warning) {
        echo strip_tags($warning), "\n";
    }
    if ($told['errors'] ?? []) {
        throw new agent_refusal('it cannot be restored: ' . strip_tags(implode('; ', $told['errors'])));
    }
    $restore->execute_plan();
    $restore->destroy();

    $course = get_course($id);
    $instance = $DB->get_record('enrol', ['courseid' => $id, 'enrol' => 'manual']);
    if ($teachers && !$instance) {
        $enrolment->add_default_instance($course);
        $instance = $DB->get_record('enrol', ['courseid' => $id, 'enrol' => 'manual'], '*', MUST_EXIST);
    }
    if ($teachers && $instance->status != ENROL_INSTANCE_ENABLED) {
        $enrolment->update_status($instance, ENROL_INSTANCE_ENABLED);
    }
    foreach ($teachers as $user) {
        $enrolment->enrol_user($instance, $user->id, reset($roles)->id);
        echo "enrolled $user->username\n";
    }
    // The last step: from now on it is a course like any other.
    update_course((object) [
        'id' => $id,
        'fullname' => $in['fullname'] !== '' ? $in['fullname'] : $backup->original_course_fullname,
        'shortname' => $in['shortname'],
        'idnumber' => $in['idnumber'],
        'visible' => $in['visible'],
    ]);
    fulldelete($directory);
    return ['id' => (int) $id, 'enrolled' => count($teachers)];
};
