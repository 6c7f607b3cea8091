<?php
// Grades, and their history.

/**
 * Give a user of a course back the last grades that the history has; whether there were any.
 *
 * Only who has no grade in the course, as after having left it.
 */
function grade_recover_history_grades(int $userid, int $courseid): bool {
    global $DB;
    $items = array_keys($DB->get_records('grade_items', ['courseid' => $courseid]));
    if (!$items || !isset(get_enrolled_users(context_course::instance($courseid), '', 0, 'u.id')[$userid])) {
        return false;
    }
    [$in, $params] = $DB->get_in_or_equal($items);
    if ($DB->record_exists_select('grade_grades', "itemid $in AND userid = ?", [...$params, $userid])) {
        return false;
    }
    $last = "SELECT MAX(id) FROM {grade_grades_history} WHERE itemid $in AND userid = ? GROUP BY itemid";
    $grades = $DB->get_records_select('grade_grades_history', "id IN ($last)", [...$params, $userid]);
    foreach ($grades as $grade) {
        $DB->insert_record('grade_grades', ['timecreated' => time(), 'timemodified' => $grade->timemodified] + (array) $grade);
    }
    return (bool) array_filter($grades, static fn(stdClass $grade): bool => $grade->finalgrade !== null);
}
