<?php
// A store on a Redis server: a hash for each cache, under the site's own prefix. A server that
// does not answer keeps nothing, and the site goes on without.

class cachestore_redis extends cache_store {
    private ?Redis $redis = null;

    public function __construct(string $name, array $configuration) {
        [$host, $port] = explode(':', $configuration['server']) + [1 => $configuration['server'][0] === '/' ? 0 : 6379];
        try {
            $redis = new Redis();
            @$redis->connect($host, (int) $port, 1.0);
            ($configuration['password'] ?? '') === '' || $redis->auth($configuration['password']);
            $redis->setOption(Redis::OPT_SERIALIZER, $configuration['serializer']);
            $redis->setOption(Redis::OPT_PREFIX, $configuration['prefix'] ?? '');
            $this->redis = $redis->ping() ? $redis : null;
        } catch (RedisException) {
            return;
        }
    }

    public function is_ready(): bool {
        return $this->redis !== null;
    }

    public function get(string $hash, string $key): mixed {
        return $this->redis?->hGet($hash, $key);
    }

    public function set(string $hash, string $key, mixed $data): void {
        $this->redis?->hSet($hash, $key, $data);
    }

    public function delete(string $hash, string $key): void {
        $this->redis?->hDel($hash, $key);
    }

    public function purge(string $hash): void {
        $this->redis?->del($hash);
    }
}
