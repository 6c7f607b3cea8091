<?php
// Deletes, suspends or unsuspends the users that fit all rules: {action, rules: [{type, field,
// value}], ignoreusers: [ids], until: seconds since 1970 or 0, run}. Answers {users: number
// that fit, done: number}.

return static function (array $in): array {
    global $CFG, $DB;
    require_once "$CFG->dirroot/user/lib.php";
    $site = context_system::instance();
    $columns = array_diff_key($DB->get_columns('user'), ['password' => 1, 'secret' => 1]);
    $profile = $DB->get_records_menu('user_info_field', null, '', 'shortname, id');

    // Each rule becomes a test of a user's record; a wrong one is told before anything is done.
    $tests = [];
    foreach ($in['rules'] as $rule) {
        ['type' => $type, 'field' => $field, 'value' => $value] = $rule;
        if (str_ends_with($type, 'hasrole')) {
            $roles = $DB->get_fieldset_select('role', 'id', $value === '*' ? '1 = 1' : 'shortname = ?', [$value]);
            if (!$roles) {
                throw new agent_refusal("there is no role '$value'");
            }
            [$some, $values] = $DB->get_in_or_equal($roles);
            $sql = "SELECT DISTINCT userid, userid AS own FROM {role_assignments} WHERE contextid = ? AND roleid $some";
            $holders = $DB->get_records_sql_menu($sql, [$site->id, ...$values]);
            $tests[] = static fn($user) => isset($holders[$user->id]) === ($type === 'hasrole');
            continue;
        }
        $own = preg_replace('/^profile_field_/', '', $field);
        if (isset($columns[$field])) {
            $read = static fn($user) => $user->$field;
        } else if ($own !== $field && isset($profile[$own])) {
            $data = $DB->get_records_menu('user_info_data', ['fieldid' => $profile[$own]], '', 'userid, data');
            $read = static fn($user) => $data[$user->id] ?? null;
        } else {
            throw new agent_refusal("users have no field '$field'");
        }
        $pattern = '~' . str_replace('~', '\~', $value) . '~u';
        if ($type === 'matches' && @preg_match($pattern, '') === false) {
            throw new agent_refusal("'$value' is no regular expression");
        }
        $tests[] = match ($type) {
            'equals' => static fn($user) => (string) $read($user) === $value,
            'matches' => static fn($user) => preg_match($pattern, (string) $read($user)) === 1,
            'isset' => static fn($user) => (string) $read($user) !== '',
            'notisset' => static fn($user) => (string) $read($user) === '',
        };
    }

    $spared = array_merge($in['ignoreusers'], explode(',', $CFG->siteadmins), [$CFG->siteguest]);
    $users = [];
    foreach ($DB->get_recordset('user', ['deleted' => 0], 'id') as $user) {
        $named = in_array($user->username, ['admin', 'guest'], true);
        $as_it_is = $in['action'] !== 'delete' && (bool) $user->suspended === ($in['action'] === 'suspend');
        if ($named || $as_it_is || in_array($user->id, $spared)) {
            continue;
        }
        foreach ($tests as $test) {
            if (!$test($user)) {
                continue 2;
            }
        }
        $users[] = $user->id;
    }
    if (!$users) {
        throw new agent_nothing_to_do('no user fits the rules');
    }
    $done = 0;
    foreach ($users as $id) {
        if ($in['run'] && $in['until'] && time() >= $in['until']) {
            echo "the time is over: run it again for the rest\n";
            break;
        }
        $user = $DB->get_record('user', ['id' => $id], '*', MUST_EXIST);
        $name = "$user->id $user->username ($user->idnumber) $user->firstname $user->lastname";
        if (!$in['run']) {
            echo "would $in[action] $name\n";
            continue;
        }
        if ($in['action'] === 'delete') {
            if (!delete_user($user)) {
                throw new moodle_exception('deletednot', '', '', $user->username);
            }
        } else {
            $suspended = (int) ($in['action'] === 'suspend');
            user_update_user((object) ['id' => $id, 'suspended' => $suspended], false);
            if ($suspended) {
                \core\session\manager::kill_user_sessions($id);
            }
        }
        echo "$in[action] $name\n";
        $done++;
    }
    return ['users' => count($users), 'done' => $done];
};
