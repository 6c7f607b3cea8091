<?php
// Recovers grades from the history: {userid, courseid: null for all}. Answers {recovered:
// number, courses: number}.

return static function (array $in): array {
    global $CFG, $DB;
    require_once "$CFG->libdir/gradelib.php";
    if ($in['userid'] && !$DB->record_exists('user', ['id' => $in['userid'], 'deleted' => 0])) {
        throw new agent_refusal("there is no user {$in['userid']}");
    }
    $which = $in['courseid'] ? ['id' => $in['courseid']] : [];
    $courses = $DB->get_records_select('course', 'category <> 0' . ($which ? ' AND id = :id' : ''), $which, 'id');
    if ($which && !$courses) {
        throw new agent_refusal("there is no course {$in['courseid']}");
    }
    $recovered = 0;
    foreach ($courses as $course) {
        $enrolled = get_enrolled_users(context_course::instance($course->id), '', 0, 'u.id, u.username');
        if ($in['userid']) {
            $enrolled = array_intersect_key($enrolled, [$in['userid'] => true]);
        }
        foreach ($enrolled as $user) {
            if (grade_recover_history_grades($user->id, $course->id)) {
                echo "$course->shortname: $user->username\n";
                $recovered++;
            }
        }
    }
    if (!$recovered) {
        throw new agent_nothing_to_do('no enrolled user has lost a grade that the history knows');
    }
    return ['recovered' => $recovered, 'courses' => count($courses)];
};
