<?php
// Closes the site and tells visitors why: {message: HTML, hard: whether to administrators
// too}. A null message opens the site, and forgets the last one. Answers {closed: "to
// all", "to users" or "no"}; nothing to do when all is so already.

/** Puts the page in its place in one step, so that no visitor finds half of it. */
$put = static function (string $file, ?string $page): void {
    global $CFG;
    if ($page === null) {
        is_file($file) && unlink($file);
        return;
    }
    if (file_put_contents("$file.new", $page) !== strlen($page) || !rename("$file.new", $file)) {
        throw new agent_refusal("$file cannot be written");
    }
    chmod($file, $CFG->filepermissions);
};

return static function (array $in) use ($put): array {
    global $CFG, $DB;
    $file = "$CFG->dataroot/climaintenance.html";
    $now = is_file($file) ? file_get_contents($file) : null;
    $page = null;
    if ($in['hard']) {
        // Moodle's own page for this; its script would leave an older one as it is.
        $text = bootstrap_renderer::early_error_content($in['message'], null, null, null);
        $page = bootstrap_renderer::plain_page(get_string('sitemaintenance', 'admin'), $text);
    }
    $users = $in['message'] !== null && !$in['hard'];
    $settings = ['maintenance_message' => $in['message'], 'maintenance_enabled' => $users ? '1' : '0',
        'maintenance_later' => null];
    if ($fixed = array_intersect_key($settings, $CFG->config_php_settings)) {
        throw new agent_refusal(implode(', ', array_keys($fixed))
            . ' is fixed for this site by config.php or by its forced settings: change it there');
    }
    $stored = $DB->get_records_list('config', 'name', array_keys($settings), '', 'name, value');
    $changed = array_filter(
        $settings,
        static fn(?string $value, string $name): bool => $value !== ($stored[$name]->value ?? null),
        ARRAY_FILTER_USE_BOTH
    );
    if ($page === $now && !$changed) {
        throw new agent_nothing_to_do('it is so already');
    }
    $transaction = $DB->start_delegated_transaction();
    try {
        foreach ($changed as $name => $value) {
            set_config($name, $value);
        }
        $put($file, $page);
        $transaction->allow_commit();
    } catch (Throwable $error) {
        $put($file, $now);
        $transaction->rollback($error);
    } finally {
        cache_helper::invalidate_by_definition('core', 'config', [], ['core']);
    }
    return ['closed' => $in['hard'] ? 'to all' : ($users ? 'to users' : 'no')];
};
