<?php
// The tenant's database: prefixes in braces, values bound.

class sandbox_database {
    private mysqli $link;
    private string $prefix;

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

    public function execute(string $sql, array $values = []): mysqli_result|bool {
        $sql = preg_replace('/\{(\w+)\}/', "`$this->prefix\$1`", $sql);
        return $this->link->execute_query($sql, $values);
    }

    public function rows(string $sql, array $values = []): array {
        return $this->execute($sql, $values)->fetch_all(MYSQLI_ASSOC);
    }

    public function has_table(string $name): bool {
        return (bool) $this->rows(
            'SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?',
            [$this->prefix . $name]
        );
    }
}

function set_config(string $name, string|int|null $value, ?string $plugin = null): void {
    global $DB, $CFG;
    [$table, $where, $key] = $plugin === null
        ? ['config', 'name = ?', [$name]]
        : ['config_plugins', 'plugin = ? AND name = ?', [$plugin, $name]];
    $DB->execute("DELETE FROM {{$table}} WHERE $where", $key);
    if ($value !== null) {
        $columns = $plugin === null ? 'name, value' : 'plugin, name, value';
        $marks = $plugin === null ? '?, ?' : '?, ?, ?';
        $DB->execute("INSERT INTO {{$table}} ($columns) VALUES ($marks)", [...$key, $value]);
    }
    if ($plugin === null) {
        $CFG->$name = $value;
    }
}
