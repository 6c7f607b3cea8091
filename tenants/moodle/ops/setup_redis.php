<?php
// Adds a Redis cache store: {name, configuration: {server, prefix, password, ...}, activate}.
// Answers {added, activated}.

return static function (array $in): array {
    global $CFG;
    require_once "$CFG->dirroot/cache/locallib.php";
    if (!class_exists('Redis')) {
        throw new agent_refusal("PHP's extension redis is not loaded: install php-redis first");
    }
    require_once "$CFG->dirroot/cache/stores/redis/lib.php";
    $configuration = array_filter($in['configuration'], static fn($value) => $value !== '');
    $configuration += ['serializer' => Redis::SERIALIZER_PHP];
    try {
        $ready = (new cachestore_redis($in['name'], $configuration))->is_ready();
    } catch (RedisException $error) {
        $ready = false;
        echo $error->getMessage(), "\n";
    }
    if (!$ready) {
        throw new agent_refusal("the Redis server {$configuration['server']} does not answer, or wants another password");
    }

    $config = cache_config::instance();
    $stores = $config->get_all_stores();
    $there = $stores[$in['name']] ?? null;
    if ($there && ($there['plugin'] !== 'redis' || $there['configuration'] != $configuration)) {
        throw new agent_refusal("there is a store '{$in['name']}' already, and it is another one");
    }
    $kept = [];
    foreach ($config->get_mode_mappings() as $mapping) {
        $kept[$mapping['mode']][] = $mapping['store'];
    }
    $wanted = $kept;
    if ($in['activate']) {
        $wanted[cache_store::MODE_APPLICATION] = [$in['name']];
        $wanted[cache_store::MODE_SESSION] = [$in['name']];
    }
    if ($there && $wanted == $kept) {
        throw new agent_nothing_to_do('it is so already');
    }
    $writer = cache_config_writer::instance();
    if (!$there && !$writer->add_store_instance($in['name'], 'redis', $configuration)) {
        throw new agent_refusal("Moodle did not take the store '{$in['name']}'");
    }
    if ($wanted != $kept && !$writer->set_mode_mappings($wanted)) {
        throw new agent_refusal("the store '{$in['name']}' is there, but Moodle did not take it into use");
    }
    echo $there ? '' : "added {$in['name']}\n", $in['activate'] ? "in use: {$in['name']}\n" : '';
    return ['added' => !$there, 'activated' => $wanted != $kept, 'configuration' => array_diff_key($configuration, ['password' => 1])];
};
