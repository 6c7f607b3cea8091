<?php
// Deletes courses: {column: shortname, idnumber or fullname, value, like: is it a pattern}.
// Answers {deleted: [short names]}.

return static function (array $in): array {
    global $CFG, $DB;
    require_once "$CFG->dirroot/course/lib.php";
    if (!in_array($in['column'], ['shortname', 'idnumber', 'fullname'], true)) {
        throw new agent_refusal("{$in['column']} is nothing that courses are found by");
    }
    $where = $in['like']
        ? $DB->sql_like($in['column'], ':value')
        : $DB->sql_equal($in['column'], ':value');
    $courses = $DB->get_records_select(
        'course',
        "id <> :site AND category <> 0 AND $where",
        ['site' => SITEID, 'value' => $in['value']],
        'fullname, id'
    );
    if (!$courses) {
        $how = $in['like'] ? 'like' : '=';
        throw new agent_refusal("no course has {$in['column']} $how '{$in['value']}'");
    }
    echo count($courses), " to delete:\n";
    foreach ($courses as $course) {
        echo "[$course->shortname] $course->fullname ($course->idnumber)\n";
    }
    $deleted = [];
    foreach ($courses as $course) {
        if (!delete_course($course, false)) {
            throw new moodle_exception('cannotdeletecourse', 'error', '', null, $course->shortname);
        }
        echo "deleted $course->shortname\n";
        $deleted[] = $course->shortname;
    }
    fix_course_sortorder();
    return ['deleted' => $deleted];
};
