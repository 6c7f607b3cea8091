<?php
// Courses, and the order of the tree that they hang in.

const MAX_COURSES_IN_CATEGORY = 10000;

/** Create a course, which users can be enrolled in by hand. */
function create_course(stdClass $data): stdClass {
    global $DB;
    check_course_names($data);
    $visible = (int) ($data->visible ?? 1);
    $row = ['visible' => $visible, 'visibleold' => $visible, 'timecreated' => time(), 'timemodified' => time()];
    $id = $DB->insert_record('course', $row + (array) $data);
    context_course::instance($id);
    $course = get_course($id);
    enrol_get_plugin('manual')->add_default_instance($course);
    fix_course_sortorder();
    return $course;
}

function update_course(stdClass $data): void {
    global $DB;
    check_course_names($data);
    $shown = isset($data->visible) ? ['visibleold' => $data->visible] : [];
    $DB->update_record('course', ['timemodified' => time()] + $shown + (array) $data);
    fix_course_sortorder();
}

function check_course_names(stdClass $data): void {
    global $DB;
    foreach (['shortname' => 'shortnametaken', 'idnumber' => 'courseidnumbertaken'] as $name => $errorcode) {
        $value = $data->$name ?? '';
        $other = $value === '' ? false : $DB->get_record('course', [$name => $value]);
        if ($other && $other->id != ($data->id ?? 0)) {
            throw new moodle_exception($errorcode, '', '', $value);
        }
    }
}

/** Delete a course with its people, grades and files; never the front page. */
function delete_course(stdClass|int $courseorid, bool $showfeedback = true): bool {
    global $DB;
    $id = $courseorid->id ?? $courseorid;
    if ($id == SITEID || !$DB->record_exists('course', ['id' => $id])) {
        return false;
    }
    $instances = array_keys($DB->get_records('enrol', ['courseid' => $id]));
    $DB->delete_records_list('user_enrolments', 'enrolid', $instances);
    $DB->delete_records('enrol', ['courseid' => $id]);
    $DB->delete_records('backup_courses', ['courseid' => $id]);
    $DB->delete_records_list('grade_grades', 'itemid', array_keys($DB->get_records('grade_items', ['courseid' => $id])));
    $DB->delete_records('grade_items', ['courseid' => $id]);
    context_course::instance($id)->delete();
    return $DB->delete_records('course', ['id' => $id]);
}

function course_change_visibility(int $courseid, bool $show = true): bool {
    global $DB;
    return $DB->update_record('course', ['id' => $courseid, 'visible' => (int) $show, 'visibleold' => (int) $show]);
}

/** Number all categories and courses in the order of their tree. */
function fix_course_sortorder(): void {
    $place = 0;
    sort_categories(0, '', 0, $place);
}

function sort_categories(int $parent, string $path, int $depth, int &$place): void {
    global $DB;
    foreach ($DB->get_records('course_categories', ['parent' => $parent], 'sortorder, id', 'id') as $id => $category) {
        $place += MAX_COURSES_IN_CATEGORY;
        $courses = $DB->get_records('course', ['category' => $id], 'sortorder, id', 'id');
        foreach (array_keys($courses) as $at => $course) {
            $DB->set_field('course', 'sortorder', $place + $at + 1, ['id' => $course]);
        }
        $DB->update_record('course_categories', [
            'id' => $id, 'path' => "$path/$id", 'depth' => $depth + 1, 'sortorder' => $place, 'coursecount' => count($courses),
        ]);
        sort_categories($id, "$path/$id", $depth + 1, $place);
    }
}
