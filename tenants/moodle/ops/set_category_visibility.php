<?php
// Shows or hides a category with all that is below: {idnumber, visible: 1 or 0}.
// Answers {visible}.

return static function (array $in): array {
    global $DB;
    $where = $DB->sql_equal('idnumber', ':idnumber');
    $row = $DB->get_record_select('course_categories', $where, ['idnumber' => $in['idnumber']]);
    if (!$row) {
        throw new agent_refusal("no category has the ID number '{$in['idnumber']}'");
    }
    if ((int) $row->visible === $in['visible']) {
        throw new agent_nothing_to_do('it is so already');
    }
    $category = core_course_category::get($row->id, MUST_EXIST, true);
    $in['visible'] ? $category->show() : $category->hide();
    return ['visible' => $in['visible']];
};
