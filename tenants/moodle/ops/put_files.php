<?php
// Puts files into the site's own file areas, those of the system context: {filedir, files:
// [rows of list_files], prune: {component, filearea, itemid or none}, or null}. Their
// content comes by path from another site's filedir. Prune deletes what else is there. All
// or nothing; answers {added, replaced, deleted, unchanged: counts}.
//
// New contents, and those that will go, are held in a draft area until the end: so the
// rows change in one transaction, and no content is lost or left behind by a failure.
// Moodle itself clears a draft area that a killed process leaves.

/** Refuses a component that the site does not have. */
$check = static function (array $files): void {
    foreach (array_unique(array_column($files, 'component')) as $component) {
        [$type, $name] = core_component::normalize_component($component);
        $there = $type === 'core'
            ? $name === null || array_key_exists($name, core_component::get_core_subsystems())
            : core_component::get_plugin_directory($type, $name);
        if (!$there) {
            throw new agent_refusal("the site has no $component: install it, or check the name");
        }
    }
};

/** Whether a file is already as it shall be, its content included. */
$same = static function (stored_file $old, array $file): bool {
    return $old->get_contenthash() === $file['contenthash']
        && !$old->is_external_file()
        && $old->get_author() === $file['author']
        && $old->get_license() === $file['license']
        && (int) $old->get_sortorder() === (int) $file['sortorder']
        && get_file_storage()->get_file_system()->is_file_readable_locally_by_storedfile($old, true);
};

/** Returns the draft file that holds a content, from another site's filedir. */
$stage = static function (array $draft, string $filedir, array $file): stored_file {
    $hash = $file['contenthash'];
    $fs = get_file_storage();
    $held = $fs->get_file(...[...array_values($draft), '/new/', $hash]);
    if ($held) {
        return $held;
    }
    $path = "$filedir/$hash[0]$hash[1]/$hash[2]$hash[3]/$hash";
    if (!is_readable($path)) {
        throw new agent_refusal("the content of $file[filepath]$file[filename] may not be read, or is gone: $path");
    }
    $held = $fs->create_file_from_pathname($draft + ['filepath' => '/new/', 'filename' => $hash], $path);
    if ($held->get_contenthash() !== $hash) {
        throw new agent_refusal("the content of $file[filepath]$file[filename] has been damaged: $path");
    }
    return $held;
};

/** Deletes the directories of file areas that no file is in. */
$sweep = static function (array $areas): void {
    global $DB;
    foreach ($areas as $area) {
        $directories = $DB->get_records('files', $area + ['filename' => '.'], 'filepath DESC', 'id, itemid, filepath');
        foreach ($directories as $directory) {
            $below = ['itemid' => $directory->itemid, 'id' => $directory->id,
                'filepath' => $DB->sql_like_escape($directory->filepath) . '%'];
            $where = 'contextid = :contextid AND component = :component AND filearea = :filearea'
                . ' AND itemid = :itemid AND id <> :id AND ' . $DB->sql_like('filepath', ':filepath');
            if (!$DB->record_exists_select('files', $where, $below + $area)) {
                $DB->delete_records('files', ['id' => $directory->id]);
            }
        }
    }
};

/** Changes the rows; $todo: [row, the file in its place or null, its content], .... */
$swap = static function (array $todo, array $extra) use ($sweep): void {
    $fs = get_file_storage();
    $system = ['contextid' => context_system::instance()->id];
    foreach ($todo as [$file, $old, $content]) {
        if (!$old) {
            $fs->create_file_from_storedfile($system + $file, $content);
            continue;
        }
        $old->replace_file_with($content);
        $old->set_author($file['author']);
        $old->set_license($file['license']);
        $old->set_sortorder($file['sortorder']);
        $old->set_timemodified($file['timemodified']);
    }
    $areas = [];
    foreach ($extra as $file) {
        $area = $system + ['component' => $file->get_component(), 'filearea' => $file->get_filearea()];
        $areas[implode('/', $area)] = $area;
        $file->delete();
    }
    $sweep($areas);
};

/** Returns the files of the area that are not listed. */
$others = static function (?array $area, array $files): array {
    if (!$area) {
        return [];
    }
    $listed = [];
    foreach ($files as $file) {
        $listed["$file[itemid]$file[filepath]$file[filename]"] = true;
    }
    $all = get_file_storage()->get_area_files(
        context_system::instance()->id,
        $area['component'],
        $area['filearea'],
        $area['itemid'] ?? false,
        'itemid, filepath, filename',
        false
    );
    $name = static fn(stored_file $file): string
        => $file->get_itemid() . $file->get_filepath() . $file->get_filename();
    return array_filter($all, static fn(stored_file $file): bool => !isset($listed[$name($file)]));
};

return static function (array $in) use ($check, $same, $stage, $swap, $others): array {
    global $CFG, $DB, $USER;
    require_once "$CFG->libdir/filelib.php";
    $check($in['files']);
    $fs = get_file_storage();
    $system = context_system::instance()->id;
    $done = ['added' => 0, 'replaced' => 0, 'deleted' => 0, 'unchanged' => 0];
    $todo = [];
    foreach ($in['files'] as $file) {
        $place = [$file['component'], $file['filearea'], $file['itemid'], $file['filepath'], $file['filename']];
        $old = $fs->get_file($system, ...$place) ?: null;
        if ($old && $same($old, $file)) {
            $done['unchanged']++;
            continue;
        }
        $done[$old ? 'replaced' : 'added']++;
        $todo[] = [$file, $old];
    }
    $extra = $others($in['prune'], $in['files']);
    $done['deleted'] = count($extra);
    if (!$todo && !$extra) {
        throw new agent_nothing_to_do('it is so already');
    }
    $draft = ['contextid' => context_user::instance($USER->id)->id, 'component' => 'user',
        'filearea' => 'draft', 'itemid' => file_get_unused_draft_itemid()];
    try {
        foreach ($todo as $n => [$file, $old]) {
            $todo[$n][] = $stage($draft, $in['filedir'], $file);
        }
        foreach ([...array_filter(array_column($todo, 1)), ...$extra] as $old) {
            $fs->create_file_from_storedfile($draft + ['filepath' => '/old/', 'filename' => $old->get_id()], $old);
        }
        $transaction = $DB->start_delegated_transaction();
        try {
            $swap($todo, $extra);
            $transaction->allow_commit();
        } catch (Throwable $error) {
            $transaction->rollback($error);
        }
    } finally {
        $fs->delete_area_files(...array_values($draft));
    }
    foreach ($todo as [$file, $old]) {
        echo $old ? 'replaced' : 'added', " $file[component]/$file[filearea]/$file[itemid]$file[filepath]$file[filename]\n";
    }
    foreach ($extra as $file) {
        echo 'deleted ', $file->get_component(), '/', $file->get_filearea(), '/', $file->get_itemid(),
            $file->get_filepath(), $file->get_filename(), "\n";
    }
    if (preg_grep('/^(core_admin|theme_\w+)$/', array_column($in['files'], 'component'))) {
        theme_reset_all_caches();
    }
    return $done;
};
