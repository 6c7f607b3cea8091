<?php
// Lists files of the site's own, those of the system context: {id}, or {component,
// filearea, itemid, filepath, filename} of which any may be left out. Answers {filedir,
// files: [rows]}. Reads every content, so that a damaged one is known before it is copied.

return static function (array $in): array {
    global $CFG, $DB;
    $pool = get_file_storage()->get_file_system();
    if (get_class($pool) !== file_system_filedir::class) {
        throw new agent_refusal('the site keeps its files in ' . get_class($pool)
            . ', not in its data path: they cannot be copied from there');
    }
    $filedir = $CFG->filedir ?? "$CFG->dataroot/filedir";
    $conditions = ['contextid' => context_system::instance()->id] + $in;
    $fields = 'id, component, filearea, itemid, filepath, filename, contenthash, filesize, mimetype,'
        . ' author, license, source, sortorder, timecreated, timemodified, referencefileid';
    $order = 'component, filearea, itemid, filepath, filename';
    $files = [];
    foreach ($DB->get_recordset('files', $conditions, $order, $fields) as $file) {
        $path = "$file->filepath$file->filename";
        // To the database upper and lower case may be the same.
        $other = array_diff_assoc($in, (array) $file);
        if ($other || $file->filename === '.' || in_array($file->filearea, ['draft', 'preview'], true)) {
            continue;
        }
        if ($file->referencefileid) {
            throw new agent_refusal("$path of the source is a link into a repository, which no other site has");
        }
        $hash = $file->contenthash;
        $content = "$filedir/$hash[0]$hash[1]/$hash[2]$hash[3]/$hash";
        if (!is_readable($content)) {
            throw new agent_refusal("the content of $path is missing at the source, or may not be read: $content");
        }
        if (file_storage::hash_from_path($content) !== $hash) {
            throw new agent_refusal("the content of $path is damaged at the source: $content");
        }
        unset($file->id, $file->referencefileid);
        $files[] = $file;
    }
    return ['filedir' => $filedir, 'files' => $files];
};
