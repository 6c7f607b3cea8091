<?php
// Imports rows into a table: {table, rows: [{id, ...}], keyfields: [columns], values: [columns,
// none for all others], dryrun}. Answers {added, changed: numbers, map: [{old, new}]}.

return static function (array $in): array {
    global $CFG, $DB;
    $table = $in['table'];
    foreach ([$CFG->prefix, 'mdl_'] as $prefix) {
        if (str_starts_with($table, $prefix) && !$DB->get_columns($table)) {
            $table = substr($table, strlen($prefix));
        }
    }
    $columns = preg_match('/\A[a-z][a-z0-9_]*\z/', $table) ? $DB->get_columns($table) : [];
    if (!$columns || $table === 'sessions') {
        throw new agent_refusal("there is no table '{$in['table']}' to import into");
    }
    foreach ($in['rows'] as $at => $row) {
        $named = array_merge(array_keys($row), $in['keyfields'], $in['values']);
        if ($strange = array_diff($named, array_keys($columns))) {
            throw new agent_refusal("the table $table has no column " . implode(', ', $strange));
        }
        if ($absent = array_diff(array_merge($in['keyfields'], $in['values']), array_keys($row))) {
            throw new agent_refusal('row ' . ($at + 1) . ' of the file has no ' . implode(', ', $absent));
        }
    }

    $done = ['added' => 0, 'changed' => 0, 'map' => []];
    $transaction = $DB->start_delegated_transaction();
    foreach ($in['rows'] as $row) {
        $old = $row['id'];
        unset($row['id']);
        // By a condition of its own each: a text column takes part in no array of conditions.
        $where = [];
        $key = [];
        foreach ($in['keyfields'] as $field) {
            $text = in_array($columns[$field]->meta_type, ['X', 'B'], true);
            $where[] = ($text ? $DB->sql_compare_text($field, 1000) : $field) . ($row[$field] === null ? ' IS NULL' : ' = ?');
            $key = $row[$field] === null ? $key : [...$key, $row[$field]];
        }
        $found = $DB->get_records_select($table, implode(' AND ', $where), $key, 'id', 'id', 0, 2);
        if (count($found) > 1) {
            throw new agent_refusal('several rows are ' . json_encode(array_intersect_key($row, array_flip($in['keyfields']))));
        }
        if ($found) {
            $id = reset($found)->id;
            $set = $in['values'] ?: array_diff(array_keys($row), $in['keyfields']);
            if ($set) {
                $DB->update_record($table, ['id' => $id] + array_intersect_key($row, array_flip($set)));
            }
            $done['changed']++;
        } else {
            $id = $DB->insert_record($table, (object) $row);
            $done['added']++;
        }
        $done['map'][] = ['old' => (int) $old, 'new' => $found || !$in['dryrun'] ? (int) $id : null];
    }
    if ($in['dryrun']) {
        $DB->force_transaction_rollback();
    } else {
        $transaction->allow_commit();
        purge_all_caches();
    }
    echo json_encode($done['map']), "\n";
    return $done;
};
