<?php
// Reads rows of a table: {table, where: SQL with a "?" for each of the values, or "",
// values, names: the columns that it names}. Answers {columns: [names], binary: [names],
// rows: [[values]]}, binary values in base64.

return static function (array $in): array {
    global $DB;
    $table = $in['table'];
    $columns = $DB->get_columns($table, false);
    if (!isset($columns['id'])) {
        throw new agent_refusal($columns
            ? "$table has no ids: it cannot be copied"
            : "the site has no table $table: check its name, without the prefix");
    }
    if ($unknown = array_diff($in['names'], array_keys($columns))) {
        throw new agent_refusal("$table has no column " . implode(', ', $unknown) . ' (it has: '
            . implode(', ', array_keys($columns)) . ')');
    }
    $binary = array_keys(array_filter($columns, static fn($column): bool => $column->meta_type === 'B'));
    $rows = [];
    $size = 0;
    foreach ($DB->get_recordset_select($table, $in['where'], $in['values'], 'id') as $record) {
        $row = (array) $record;
        foreach ($binary as $name) {
            $row[$name] = $row[$name] === null ? null : base64_encode($row[$name]);
        }
        $rows[] = array_values($row);
        foreach ($row as $value) {
            $size += strlen($value ?? '') + 16; // what it takes in memory besides
        }
        if ($size > 64 * 1024 ** 2) {
            throw new agent_refusal("$table holds more than can be copied at once: copy less at a time by select");
        }
    }
    return ['columns' => array_keys($columns), 'binary' => $binary, 'rows' => $rows];
};
