<?php
// Makes a table hold these rows and no others: {table, columns, binary, rows: as of
// read_table, keep_ids}. Rows that are there stay, with their ids; the others are deleted,
// and what is missing is inserted, in one transaction. Answers {added, replaced (rows
// that keep their id only), deleted, unchanged: counts}.

/** Returns the columns to copy; refuses tables that cannot hold the rows. */
$common = static function (array $in): array {
    global $CFG, $DB;
    $table = $in['table'];
    $columns = $DB->get_columns($table, false);
    if (!isset($columns['id'])) {
        throw new agent_refusal($columns ? "$table has no ids" : "the site has no table $table");
    }
    $engine = $DB->get_field_sql(
        'SELECT engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?',
        [$CFG->prefix . $table]
    );
    if (strtolower($engine) !== 'innodb') {
        throw new agent_refusal("$table is of the engine $engine, which has no transactions: convert it by mysql_engine");
    }
    foreach (array_diff_key($columns, array_flip($in['columns'])) as $name => $column) {
        if ($column->not_null && !$column->has_default) {
            throw new agent_refusal("$table has a column $name that the source lacks, and that has no default");
        }
    }
    foreach (array_diff($in['columns'], array_keys($columns)) as $name) {
        echo "left out: $table has no column $name on this site\n";
    }
    $names = array_values(array_intersect($in['columns'], array_keys($columns)));
    return $in['keep_ids'] ? $names : array_values(array_diff($names, ['id']));
};

/** Yields the rows as arrays by column name, without the columns that are left out. */
$rows = static function (array $in, array $names): Generator {
    $place = array_intersect_key(array_flip($in['columns']), array_flip($names));
    $binary = array_flip(array_intersect($in['binary'], $names));
    foreach ($in['rows'] as $values) {
        $row = array_map(static fn(int $at): ?string => $values[$at], $place);
        foreach (array_intersect_key($row, $binary) as $name => $value) {
            $row[$name] = $value === null ? null : base64_decode($value);
        }
        yield $row;
    }
};

/** Returns a row as a key that is the same for the same values. */
$digest = static fn(array $row): string => md5(serialize(array_values($row)), true);

return static function (array $in) use ($common, $rows, $digest): array {
    global $DB;
    $table = $in['table'];
    $names = $common($in);
    $wanted = [];
    foreach ($rows($in, $names) as $row) {
        $key = $digest($row);
        $wanted[$key] = ($wanted[$key] ?? 0) + 1;
    }
    $done = ['added' => 0, 'replaced' => 0, 'deleted' => 0, 'unchanged' => 0];
    $transaction = $DB->start_delegated_transaction();
    try {
        $gone = [];
        $fields = implode(', ', array_unique(['id', ...$names]));
        foreach ($DB->get_recordset($table, null, 'id', $fields) as $record) {
            $row = array_replace(array_flip($names), array_intersect_key((array) $record, array_flip($names)));
            $key = $digest($row);
            if (empty($wanted[$key])) {
                $gone[$record->id] = true;
            } else {
                $wanted[$key]--;
                $done['unchanged']++;
            }
        }
        foreach (array_chunk(array_keys($gone), 1000) as $ids) {
            $DB->delete_records_list($table, 'id', $ids);
        }
        $missing = (static function () use ($in, $names, $rows, $digest, &$wanted): Generator {
            foreach ($rows($in, $names) as $row) {
                if ($wanted[$digest($row)] > 0) {
                    $wanted[$digest($row)]--;
                    yield $row;
                }
            }
        })();
        $batch = [];
        foreach ($missing as $row) {
            $done[isset($row['id'], $gone[$row['id']]) ? 'replaced' : 'added']++;
            if ($in['keep_ids']) {
                $DB->import_record($table, $row);
                continue;
            }
            $batch[] = $row;
            if (count($batch) === 1000) {
                $DB->insert_records($table, $batch);
                $batch = [];
            }
        }
        $DB->insert_records($table, $batch);
        $transaction->allow_commit();
    } catch (Throwable $error) {
        $transaction->rollback($error);
    }
    $done['deleted'] = count($gone) - $done['replaced'];
    if (!$done['added'] && !$done['replaced'] && !$done['deleted']) {
        throw new agent_nothing_to_do('it is so already');
    }
    purge_all_caches();
    return $done;
};
