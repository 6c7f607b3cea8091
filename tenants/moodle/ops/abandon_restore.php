<?php
// Deletes what a restore has left behind that was cut off: {marker: the short name that
// the course had meanwhile}. Answers {deleted: number of courses}.

return static function (array $in): array {
    global $CFG, $DB;
    require_once "$CFG->dirroot/course/lib.php";
    // No copy of half a course in the recycle bin.
    $CFG->forced_plugin_settings['tool_recyclebin']['categorybinenable'] = 0;
    $courses = $DB->get_records('course', ['shortname' => $in['marker']]);
    foreach ($courses as $course) {
        if (!delete_course($course, false)) {
            throw new moodle_exception('cannotdeletecourse', 'error', '', null, $course->shortname);
        }
    }
    fix_course_sortorder();
    fulldelete("$CFG->backuptempdir/{$in['marker']}");
    return ['deleted' => count($courses)];
};
