<?php
// Makes the site one that was never registered: no records of directories, and a new
// identifier everywhere Moodle keeps it. Answers {registrations: how many there were}.

return static function (array $in): array {
    global $CFG, $DB;
    if (isset($CFG->config_php_settings['siteidentifier'])) {
        throw new agent_refusal('siteidentifier is fixed for this site by its forced settings: change it there');
    }
    $number = $DB->count_records('registration_hubs');
    $DB->delete_records('registration_hubs');
    set_config('siteidentifier', random_string(32) . parse_url($CFG->wwwroot, PHP_URL_HOST));
    purge_all_caches(); // also localcache/bootstrap.php, which has the old one
    return ['registrations' => $number];
};
