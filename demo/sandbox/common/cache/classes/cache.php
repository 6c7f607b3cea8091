<?php
// Caches of the application, of which the sandbox has one: `core/config`, its settings. They
// are kept where the site's configuration of caches says, or else not at all.

class cache {
    private ?cachestore_redis $store;

    private function __construct(private readonly string $definition) {
        $this->store = cache_config::instance()->store_for(cache_store::MODE_APPLICATION);
    }

    public static function make(string $component, string $area): self {
        return new self("{$component}_$area");
    }

    public function get(string $key): mixed {
        return $this->store?->get($this->definition, $key) ?? false;
    }

    public function set(string $key, mixed $data): void {
        $this->store?->set($this->definition, $key, $data);
    }

    public function delete(string $key): void {
        $this->store?->delete($this->definition, $key);
    }

    public function purge(): void {
        $this->store?->purge($this->definition);
    }
}

class cache_helper {
    public static function invalidate_by_definition(string $component, string $area, array $identifiers, array $keys): void {
        array_map([cache::make($component, $area), 'delete'], $keys);
    }

    public static function purge_by_definition(string $component, string $area, array $identifiers = []): void {
        cache::make($component, $area)->purge();
    }
}
