<?php
// The tenant's database, by the methods that Moodle's has, as far as the sandbox goes.
// Tables in braces, values bound as ?; every value comes back as a string.

const IGNORE_MISSING = 0;
const MUST_EXIST = 2;

class moodle_database {
    private mysqli $link;
    private string $prefix;
    private int $transactions = 0;
    private array $columns = [];

    public function __construct(stdClass $cfg) {
        mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
        $this->prefix = $cfg->prefix;
        $this->link = mysqli_init();
        $this->link->real_connect(
            $cfg->dbhost, $cfg->dbuser, $cfg->dbpass, $cfg->dbname,
            (int) ($cfg->dboptions['dbport'] ?? 0) ?: null,
            ($cfg->dboptions['dbsocket'] ?? '') ?: null
        );
        $this->link->set_charset('utf8mb4');
    }

    public function execute(string $sql, ?array $params = null): bool {
        $this->query($sql, $params, 'dmlwriteexception');
        return true;
    }

    /** Return rows as arrays: the sandbox's own scripts need no more. */
    public function rows(string $sql, ?array $params = null): array {
        $rows = $this->query($sql, $params, 'dmlreadexception')->fetch_all(MYSQLI_ASSOC);
        $text = static fn(mixed $value): ?string => $value === null ? null : (string) $value;
        return array_map(static fn(array $row): array => array_map($text, array_change_key_case($row)), $rows);
    }

    /** Return the names of the tables, without their prefix. */
    public function get_tables(bool $usecache = true): array {
        $rows = $this->rows('SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()'
            . ' AND table_name LIKE ? ORDER BY table_name', [$this->sql_like_escape($this->prefix) . '%']);
        $names = array_map(fn(array $row): string => substr($row['name'], strlen($this->prefix)), $rows);
        return array_combine($names, $names);
    }

    public function get_row_format(string $table): string {
        return $this->get_field_sql('SELECT row_format FROM information_schema.tables WHERE table_schema = DATABASE()'
            . ' AND table_name = ?', [$this->prefix . $table]);
    }

    public function get_manager(): database_manager {
        return new database_manager();
    }

    public function change_database_structure(string $sql): bool {
        $this->columns = [];
        return $this->execute($sql);
    }

    /** Return a table's columns by name; none when there is no such table. */
    public function get_columns(string $table): array {
        if (empty($this->columns[$table])) {
            $rows = $this->rows(
                'SELECT column_name, data_type, character_maximum_length, is_nullable, column_default, extra FROM information_schema.columns'
                . ' WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position',
                [$this->prefix . $table]
            );
            $columns = array_map(static fn(array $row): stdClass => (object) [
                'name' => $row['column_name'],
                'max_length' => (int) $row['character_maximum_length'],
                'not_null' => $row['is_nullable'] === 'NO',
                'has_default' => $row['column_default'] !== null && $row['column_default'] !== 'NULL',
                'meta_type' => match (true) {
                    $row['extra'] === 'auto_increment' => 'R',
                    str_ends_with($row['data_type'], 'int') => 'I',
                    str_ends_with($row['data_type'], 'char') => 'C',
                    str_ends_with($row['data_type'], 'text') => 'X',
                    (bool) preg_match('/(blob|binary)$/', $row['data_type']) => 'B',
                    default => 'N',
                },
            ], $rows);
            $this->columns[$table] = array_column($columns, null, 'name');
        }
        return $this->columns[$table];
    }

    /** Return records by their first column. */
    public function get_records_sql(string $sql, ?array $params = null): array {
        $records = [];
        foreach ($this->rows($sql, $params) as $row) {
            $records[reset($row)] = (object) $row;
        }
        return $records;
    }

    public function get_records_select(
        string $table, string $select, ?array $params = null, string $sort = '', string $fields = '*', int $limitfrom = 0, int $limitnum = 0
    ): array {
        $limit = $limitnum ? " LIMIT $limitfrom, $limitnum" : '';
        return $this->get_records_sql($this->select($table, $select, $sort, $fields) . $limit, $params);
    }

    public function get_records(string $table, ?array $conditions = null, string $sort = '', string $fields = '*'): array {
        [$where, $params] = $this->where($conditions);
        return $this->get_records_select($table, $where, $params, $sort, $fields);
    }

    public function get_records_list(string $table, string $field, array $values, string $sort = '', string $fields = '*'): array {
        return $values
            ? $this->get_records_select($table, $this->in($field, $values), array_values($values), $sort, $fields)
            : [];
    }

    public function get_records_menu(string $table, ?array $conditions = null, string $sort = '', string $fields = '*'): array {
        [$where, $params] = $this->where($conditions);
        return $this->get_records_sql_menu($this->select($table, $where, $sort, $fields), $params);
    }

    public function get_records_sql_menu(string $sql, ?array $params = null): array {
        return array_column(array_map('array_values', $this->rows($sql, $params)), 1, 0);
    }

    public function get_fieldset_select(string $table, string $return, string $select, ?array $params = null): array {
        return array_column(array_map('array_values', $this->rows($this->select($table, $select, '', $return), $params)), 0);
    }

    public function get_recordset(string $table, ?array $conditions = null, string $sort = '', string $fields = '*'): Iterator {
        return new ArrayIterator($this->get_records($table, $conditions, $sort, $fields));
    }

    public function get_recordset_select(
        string $table, string $select, ?array $params = null, string $sort = '', string $fields = '*'
    ): Iterator {
        return new ArrayIterator($this->get_records_select($table, $select, $params, $sort, $fields));
    }

    public function get_record(string $table, array $conditions, string $fields = '*', int $strictness = IGNORE_MISSING): stdClass|false {
        [$where, $params] = $this->where($conditions);
        return $this->get_record_select($table, $where, $params, $fields, $strictness);
    }

    public function get_record_select(
        string $table, string $select, ?array $params = null, string $fields = '*', int $strictness = IGNORE_MISSING
    ): stdClass|false {
        $records = $this->get_records_select($table, $select, $params, '', $fields);
        if (!$records && $strictness === MUST_EXIST) {
            throw new dml_exception('invalidrecord', $table);
        }
        return reset($records);
    }

    public function get_field_sql(string $sql, ?array $params = null): string|false|null {
        $rows = $this->rows($sql, $params);
        return $rows ? reset($rows[0]) : false;
    }

    public function get_field(string $table, string $return, array $conditions): string|false|null {
        [$where, $params] = $this->where($conditions);
        return $this->get_field_sql($this->select($table, $where, '', $return), $params);
    }

    public function record_exists(string $table, array $conditions): bool {
        return $this->get_field($table, '1', $conditions) !== false;
    }

    public function record_exists_select(string $table, string $select, ?array $params = null): bool {
        return $this->get_field_sql($this->select($table, $select, '', '1'), $params) !== false;
    }

    public function count_records(string $table, ?array $conditions = null): int {
        return (int) $this->get_field($table, 'COUNT(*)', $conditions ?? []);
    }

    /** Insert a row; what the table has no column for is left out. */
    public function insert_record(string $table, object|array $dataobject, bool $returnid = true): int|bool {
        $row = array_diff_key((array) $dataobject, ['id' => 1]);
        $this->insert($table, array_intersect_key($row, $this->get_columns($table)));
        return $returnid ? (int) $this->link->insert_id : true;
    }

    public function insert_records(string $table, iterable $dataobjects): void {
        foreach ($dataobjects as $dataobject) {
            $this->insert_record($table, $dataobject, false);
        }
    }

    /** Insert a row with the id that it has. */
    public function import_record(string $table, object|array $dataobject): bool {
        $this->insert($table, array_intersect_key((array) $dataobject, $this->get_columns($table)));
        return true;
    }

    public function update_record(string $table, object|array $dataobject): bool {
        $row = array_intersect_key((array) $dataobject, $this->get_columns($table));
        $id = $row['id'];
        unset($row['id']);
        $set = implode(', ', array_map(static fn(string $name): string => "`$name` = ?", array_keys($row)));
        return $this->execute("UPDATE {{$table}} SET $set WHERE id = ?", [...array_values($row), $id]);
    }

    public function set_field(string $table, string $newfield, mixed $newvalue, ?array $conditions = null): bool {
        [$where, $params] = $this->where($conditions);
        return $this->execute("UPDATE {{$table}} SET `$newfield` = ? WHERE $where", [$newvalue, ...$params]);
    }

    public function delete_records(string $table, ?array $conditions = null): bool {
        [$where, $params] = $this->where($conditions);
        return $this->execute("DELETE FROM {{$table}} WHERE $where", $params);
    }

    public function delete_records_list(string $table, string $field, array $values): bool {
        return !$values || $this->execute("DELETE FROM {{$table}} WHERE " . $this->in($field, $values), array_values($values));
    }

    /** Begin a transaction, or one within it: the outermost one commits. */
    public function start_delegated_transaction(): moodle_transaction {
        $this->transactions++ || $this->link->begin_transaction();
        return new moodle_transaction($this);
    }

    public function commit_delegated_transaction(): void {
        --$this->transactions || $this->link->commit();
    }

    public function rollback_delegated_transaction(Throwable $e): never {
        $this->transactions = 0;
        $this->link->rollback();
        throw $e;
    }

    /** Undo everything since the outermost transaction began. */
    public function force_transaction_rollback(): void {
        $this->transactions = 0;
        $this->link->rollback();
    }

    /** Return a condition with its values: a column is one of these. */
    public function get_in_or_equal(array $items): array {
        return ['IN (' . implode(', ', array_fill(0, count($items), '?')) . ')', array_values($items)];
    }

    public function sql_equal(string $fieldname, string $param): string {
        return "$fieldname = $param COLLATE utf8mb4_bin";
    }

    public function sql_compare_text(string $fieldname, int $numchars = 32): string {
        return $fieldname;
    }

    public function sql_like_escape(string $text): string {
        return addcslashes($text, '\\\\%_');
    }

    public function sql_like(string $fieldname, string $param): string {
        return "$fieldname LIKE $param COLLATE utf8mb4_bin";
    }

    private function query(string $sql, ?array $params, string $errorcode): mysqli_result|bool {
        $sql = preg_replace('/\{(\w+)\}/', "`$this->prefix\$1`", $sql);
        [$sql, $params] = $this->numbered($sql, $params ?? []);
        $values = array_map(static fn(mixed $value): mixed => is_bool($value) ? (int) $value : $value, $params);
        try {
            return $this->link->execute_query($sql, $values);
        } catch (mysqli_sql_exception $error) {
            throw new dml_exception($errorcode, null, $error->getMessage() . "\n$sql");
        }
    }

    /** Return a statement with marks for its named values, and these in their order. */
    private function numbered(string $sql, array $params): array {
        if (array_is_list($params)) {
            return [$sql, array_slice($params, 0, substr_count($sql, '?'))]; // some are given too many
        }
        preg_match_all('/:(\w+)/', $sql, $names);
        return [preg_replace('/:\w+/', '?', $sql), array_map(static fn(string $name): mixed => $params[$name], $names[1])];
    }

    private function select(string $table, string $where, string $sort, string $fields): string {
        return "SELECT $fields FROM {{$table}}" . ($where === '' ? '' : " WHERE $where") . ($sort === '' ? '' : " ORDER BY $sort");
    }

    private function where(?array $conditions): array {
        $parts = [];
        foreach ($conditions ?? [] as $name => $value) {
            $parts[] = $value === null ? "`$name` IS NULL" : "`$name` = ?";
        }
        $values = array_filter($conditions ?? [], static fn(mixed $value): bool => $value !== null);
        return [implode(' AND ', $parts) ?: '1 = 1', array_values($values)];
    }

    private function in(string $field, array $values): string {
        return "`$field` IN (" . implode(', ', array_fill(0, count($values), '?')) . ')';
    }

    private function insert(string $table, array $row): void {
        $names = implode(', ', array_map(static fn(string $name): string => "`$name`", array_keys($row)));
        $marks = implode(', ', array_fill(0, count($row), '?'));
        $this->execute("INSERT INTO {{$table}} ($names) VALUES ($marks)", array_values($row));
    }
}
