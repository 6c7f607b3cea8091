<?php
// Of files, what only few scripts need.

/** Return the number of a draft area that nothing is in. */
function file_get_unused_draft_itemid(): int {
    global $DB, $USER;
    $context = context_user::instance($USER->id)->id;
    do {
        $itemid = random_int(1, 999999999);
        $taken = ['contextid' => $context, 'component' => 'user', 'filearea' => 'draft', 'itemid' => $itemid];
    } while ($DB->record_exists('files', $taken));
    return $itemid;
}
