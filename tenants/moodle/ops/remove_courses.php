<?php
// Deletes courses: {category: id to empty, categories: [ids] to delete, courseid,
// ignorecourses: [ids], until: seconds since 1970 or 0, dryrun}. One of the first three.
// Answers {courses: number, categories: number, over: had all of it been done in time}.

return static function (array $in): array {
    global $CFG, $DB;
    require_once "$CFG->dirroot/course/lib.php";
    $done = ['courses' => 0, 'categories' => 0, 'over' => true];
    $would = $in['dryrun'] ? 'would delete' : 'deleted';

    $course = static function (stdClass $course) use ($in, $would, &$done): bool {
        if (in_array($course->id, $in['ignorecourses'])) {
            echo "left $course->shortname\n";
            return false;
        }
        if ($in['until'] && time() >= $in['until']) {
            $done['over'] = false;
            return false;
        }
        if (!$in['dryrun'] && !delete_course($course, false)) {
            throw new moodle_exception('cannotdeletecourse', 'error', '', null, $course->shortname);
        }
        echo "$would course $course->id [$course->shortname] $course->fullname ($course->idnumber)\n";
        $done['courses']++;
        return true;
    };
    // Returns whether nothing is left in the category.
    $empty = static function (stdClass $category) use (&$empty, $course, $in, $would, &$done, $DB): bool {
        $bare = true;
        foreach ($DB->get_records('course_categories', ['parent' => $category->id], 'sortorder') as $child) {
            $bare = $empty($child) && $bare;
        }
        foreach ($DB->get_records('course', ['category' => $category->id], 'sortorder') as $one) {
            $bare = $course($one) && $bare;
        }
        if ($bare && $category->id != $in['category']) {
            if (!$in['dryrun']) {
                core_course_category::get($category->id, MUST_EXIST, true)->delete_full(false);
            }
            echo "$would category $category->id $category->name\n";
            $done['categories']++;
        }
        return $bare;
    };

    $table = $in['courseid'] ? 'course' : 'course_categories';
    $wanted = $in['courseid'] ? [$in['courseid']] : ($in['categories'] ?: [$in['category']]);
    $rows = $DB->get_records_list($table, 'id', $wanted);
    if ($missing = array_diff($wanted, array_keys($rows))) {
        throw new agent_refusal('there is no ' . ($in['courseid'] ? 'course ' : 'category ') . implode(', ', $missing));
    }
    if ($in['courseid'] == SITEID) {
        throw new agent_refusal('the front page cannot be deleted');
    }
    foreach ($wanted as $id) {
        // A category may have gone with one above it.
        if ($row = $DB->get_record($table, ['id' => $id])) {
            $in['courseid'] ? $course($row) : $empty($row);
        }
    }
    fix_course_sortorder();
    if (!$done['over']) {
        echo "the time is over: run it again for the rest\n";
    }
    return $done;
};
