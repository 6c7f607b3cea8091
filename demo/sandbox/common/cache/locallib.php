<?php
// Which stores a site has for its caches, and which of them keeps what: `muc/config.php`.

abstract class cache_store {
    public const MODE_APPLICATION = 1;
    public const MODE_SESSION = 2;
    public const MODE_REQUEST = 4;
}

class cache_config {
    protected const NAMES = [
        cache_store::MODE_APPLICATION => 'default_application', cache_store::MODE_SESSION => 'default_session',
        cache_store::MODE_REQUEST => 'default_request',
    ];
    protected array $stores = [];
    protected array $mappings = [];

    final protected function __construct() {
        $configuration = [];
        is_file(self::file()) && include self::file();
        $this->stores = $configuration['stores'] ?? [];
        $first = static fn(int $mode, string $store): array => ['mode' => $mode, 'store' => $store, 'sort' => -1];
        $this->mappings = $configuration['modemappings'] ?? array_map($first, array_keys(self::NAMES), self::NAMES);
    }

    public static function instance(): static {
        return new static();
    }

    protected static function file(): string {
        global $CFG;
        return "$CFG->dataroot/muc/config.php";
    }

    /** Return what is known of each store, by its name; those that each site has keep nothing here. */
    public function get_all_stores(): array {
        $stores = [];
        foreach (self::NAMES as $name) {
            $stores[$name] = ['name' => $name, 'plugin' => 'file', 'configuration' => []];
        }
        return $this->stores + $stores;
    }

    public function get_mode_mappings(): array {
        return $this->mappings;
    }

    /** Return the store that keeps what is of a mode, if the site has one that really does. */
    public function store_for(int $mode): ?cachestore_redis {
        foreach ($this->mappings as $mapping) {
            $store = $this->get_all_stores()[$mapping['store']] ?? null;
            if ($mapping['mode'] === $mode && ($store['plugin'] ?? '') === 'redis' && class_exists('Redis')) {
                return new cachestore_redis($store['name'], $store['configuration']);
            }
        }
        return null;
    }
}

class cache_config_writer extends cache_config {
    public function add_store_instance(string $name, string $plugin, array $configuration = []): bool {
        $this->stores[$name] = ['name' => $name, 'plugin' => $plugin, 'configuration' => $configuration];
        return $this->save();
    }

    /** Let stores keep what is of a mode: [mode => names of stores, the first one first]. */
    public function set_mode_mappings(array $modemappings): bool {
        $this->mappings = [];
        foreach ($modemappings as $mode => $stores) {
            foreach (array_values($stores) as $sort => $store) {
                $this->mappings[] = ['mode' => $mode, 'store' => $store, 'sort' => $sort];
            }
        }
        return $this->save();
    }

    private function save(): bool {
        global $CFG;
        check_dir_exists(dirname(self::file()));
        $configuration = var_export(['stores' => $this->stores, 'modemappings' => $this->mappings], true);
        return file_put_contents(self::file() . '.new', "<?php\n\$configuration = $configuration;\n")
            && chmod(self::file() . '.new', $CFG->filepermissions) && rename(self::file() . '.new', self::file());
    }
}
