<?php
// Shows or hides a course: {idnumber, visible: 1 or 0}. Answers {visible}.

return static function (array $in): array {
    global $CFG, $DB;
    require_once "$CFG->dirroot/course/lib.php";
    $where = 'id <> :site AND ' . $DB->sql_equal('idnumber', ':idnumber');
    $values = ['site' => SITEID, 'idnumber' => $in['idnumber']];
    $courses = $DB->get_records_select('course', $where, $values);
    if (!$courses) {
        throw new agent_refusal("no course has the ID number '{$in['idnumber']}'");
    }
    if (count($courses) > 1) {
        throw new agent_refusal(count($courses) . " courses have the ID number '{$in['idnumber']}'");
    }
    $course = reset($courses);
    if ((int) $course->visible === $in['visible']) {
        throw new agent_nothing_to_do('it is so already');
    }
    course_change_visibility($course->id, (bool) $in['visible']);
    return ['visible' => $in['visible']];
};
