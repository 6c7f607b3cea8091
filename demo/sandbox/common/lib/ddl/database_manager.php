<?php
// The structure of a site's tables.

class database_manager {
    public readonly mysql_sql_generator $generator;

    public function __construct() {
        $this->generator = new mysql_sql_generator();
    }
}

class mysql_sql_generator {
    // Bytes that a row of InnoDB may have on its page of 16 KiB, half of which it may fill.
    public const ANTELOPE_MAX_ROW_SIZE = 8126;
    // Of a long value the formats Compact and Redundant keep so much in the row, and where the rest is.
    private const PREFIX = 768 + 20;

    /** Return how many bytes of its page a row of these columns may take in such a format. */
    public function guess_antelope_row_size(array $columns): int {
        return array_sum(array_map(static fn(stdClass $column): int => match ($column->meta_type) {
            'X', 'B' => self::PREFIX,
            'C' => min(4 * $column->max_length, self::PREFIX), // utf8mb4
            default => 8,
        }, $columns));
    }
}
