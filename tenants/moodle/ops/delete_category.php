<?php
// Deletes all that is in a category, and the category unless it is kept:
// {idnumber, keep}. Answers {categories: number, courses: [short names]}.

return static function (array $in): array {
    global $CFG, $DB;
    require_once "$CFG->dirroot/course/lib.php";
    $where = $DB->sql_equal('idnumber', ':idnumber');
    $row = $DB->get_record_select('course_categories', $where, ['idnumber' => $in['idnumber']]);
    if (!$row) {
        throw new agent_refusal("no category has the ID number '{$in['idnumber']}'");
    }
    $category = core_course_category::get($row->id, MUST_EXIST, true);
    if (!$category->can_delete_full()) {
        throw new agent_refusal("a plugin of the site does not let '$row->name' be deleted");
    }
    $below = $DB->get_records_select(
        'course_categories',
        $DB->sql_like('path', ':path'),
        ['path' => "$row->path/%"],
        'path'
    );
    $doomed = $in['keep'] ? $below : [$row->id => $row] + $below;
    $in_all = array_keys($below + [$row->id => $row]);
    $courses = $DB->get_records_list('course', 'category', $in_all, 'fullname, id');
    if (!$doomed && !$courses) {
        throw new agent_nothing_to_do("there is nothing in '$row->name'");
    }
    echo count($doomed), ' categories and ', count($courses), " courses to delete:\n";
    foreach ($doomed as $one) {
        echo "category $one->name ($one->idnumber)\n";
    }
    foreach ($courses as $course) {
        echo "[$course->shortname] $course->fullname ($course->idnumber)\n";
    }
    if ($in['keep']) {
        foreach ($DB->get_records('course_categories', ['parent' => $row->id]) as $child) {
            core_course_category::get($child->id, MUST_EXIST, true)->delete_full(false);
        }
        foreach ($DB->get_records('course', ['category' => $row->id]) as $course) {
            if (!delete_course($course, false)) {
                throw new moodle_exception('cannotdeletecourse', 'error', '', null, $course->shortname);
            }
        }
        fix_course_sortorder();
    } else {
        $category->delete_full(false);
    }
    return ['categories' => count($doomed), 'courses' => array_column($courses, 'shortname')];
};
