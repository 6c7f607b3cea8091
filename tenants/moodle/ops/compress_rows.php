<?php
// Compresses the tables whose rows may become too long for their row format, by
// Moodle's own reckoning. Answers {fixed: [names]}; nothing to do when there are none.

return static function (array $in): array {
    global $CFG, $DB;
    $generator = $DB->get_manager()->generator;
    $fixed = [];
    foreach ($DB->get_tables(false) as $table) {
        $longest = $generator->guess_antelope_row_size($DB->get_columns($table, false));
        if ($longest <= $generator::ANTELOPE_MAX_ROW_SIZE
                || !in_array($DB->get_row_format($table), ['Compact', 'Redundant'], true)) {
            continue;
        }
        echo "$CFG->prefix$table\n";
        $DB->change_database_structure("ALTER TABLE `$CFG->prefix$table` ROW_FORMAT=Compressed");
        $fixed[] = $table;
    }
    if (!$fixed) {
        throw new agent_nothing_to_do('no table needs it');
    }
    return ['fixed' => $fixed];
};
