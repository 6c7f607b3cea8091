<?php
// Adds to the site's administrators: {userscheme: LIKE pattern or "", withmnetadmins, main:
// wwwroot of the main tenant, fixguest}. Answers {added: [names], admins: [names], guest}.

return static function (array $in): array {
    global $CFG, $DB;
    $local = ['mnethostid' => $CFG->mnet_localhost_id];
    // As stored: a cache may hold what nobody invalidated.
    $stored = (string) $DB->get_field('config', 'value', ['name' => 'siteadmins']);
    $admins = array_filter(explode(',', $stored), 'strlen');

    $wanted = $DB->get_records('user', ['username' => 'admin', 'auth' => 'manual'] + $local);
    if ($in['userscheme'] !== '') {
        $where = $DB->sql_like('username', ':name') . ' AND deleted = 0 AND username <> :guest';
        $found = $DB->get_records_select('user', $where, ['name' => $in['userscheme'], 'guest' => 'guest'], 'id');
        if (count($found) > 20) {
            throw new agent_refusal(count($found) . " users fit '{$in['userscheme']}', and 20 are the most");
        }
        $wanted += $found;
    }
    if ($in['withmnetadmins']) {
        $host = $DB->get_record('mnet_host', ['wwwroot' => $in['main'], 'deleted' => 0]);
        if (!$host) {
            throw new agent_refusal("the site knows no MNet peer {$in['main']}");
        }
        $remote = ['username' => 'admin', 'auth' => 'mnet', 'mnethostid' => $host->id, 'deleted' => 0];
        $wanted += $DB->get_records('user', $remote);
    }
    $guest = (string) $DB->get_field('config', 'value', ['name' => 'siteguest']);
    if ($in['fixguest']) {
        $right = $DB->get_field('user', 'id', ['username' => 'guest', 'deleted' => 0] + $local);
        if (!$right) {
            throw new agent_refusal("there is no account 'guest'");
        }
    }
    $missing = array_diff(array_keys($wanted), $admins);
    $deleted = array_filter($wanted, static fn($user) => $user->deleted);
    $wrong_guest = $in['fixguest'] && $guest !== (string) $right;
    if (!$missing && !$deleted && !$wrong_guest) {
        throw new agent_nothing_to_do('it is so already');
    }
    $changes = array_filter(['siteadmins' => $missing, 'siteguest' => $wrong_guest]);
    if ($fixed = array_intersect_key($changes, $CFG->config_php_settings)) {
        throw new agent_refusal(implode(', ', array_keys($fixed)) . ' is fixed by the forced settings: change it there');
    }

    foreach ($deleted as $user) {
        $DB->update_record('user', ['id' => $user->id, 'deleted' => 0, 'confirmed' => 1, 'suspended' => 0]);
        context_user::instance($user->id);
        echo "revived $user->username\n";
    }
    if ($missing) {
        $admins = array_merge($admins, $missing);
        set_config('siteadmins', implode(',', $admins));
    }
    if ($wrong_guest) {
        set_config('siteguest', $right);
        echo "the guest account is $right, and was $guest\n";
    }
    $names = static fn(array $ids): array => $ids
        ? array_values($DB->get_records_list('user', 'id', $ids, 'id', 'id, username'))
        : [];
    $added = array_column($names($missing), 'username');
    foreach ($added as $name) {
        echo "added $name\n";
    }
    return ['added' => $added, 'admins' => array_column($names($admins), 'username'), 'guest' => $wrong_guest];
};
