<?php
// Accounts: made, changed, and deleted, which leaves a row without a name.

function user_create_user(stdClass|array $user, bool $updatepassword = true): int {
    global $DB, $CFG;
    $user = (array) $user;
    if ($DB->record_exists('user', ['username' => $user['username'], 'mnethostid' => $CFG->mnet_localhost_id])) {
        throw new moodle_exception('usernameexists');
    }
    if ($updatepassword) {
        $user['password'] = hash_internal_user_password($user['password']);
    }
    $times = ['timecreated' => time(), 'timemodified' => time()];
    $id = $DB->insert_record('user', $times + $user + ['mnethostid' => $CFG->mnet_localhost_id, 'auth' => 'manual']);
    context_user::instance($id);
    return $id;
}

function user_update_user(stdClass|array $user, bool $updatepassword = true): void {
    global $DB;
    $user = (array) $user;
    if ($updatepassword && isset($user['password'])) {
        $user['password'] = hash_internal_user_password($user['password']);
    }
    $DB->update_record('user', ['timemodified' => time()] + $user);
}

/** Delete an account; never the guest's, nor an administrator's. */
function delete_user(stdClass $user): bool {
    global $DB, $CFG;
    if ($user->username === 'guest' || $user->id == $CFG->siteguest || isset(get_admins()[$user->id])) {
        return false;
    }
    foreach (['role_assignments', 'user_enrolments', 'user_info_data', 'grade_grades'] as $table) {
        $DB->delete_records($table, ['userid' => $user->id]);
    }
    core\session\manager::kill_user_sessions($user->id);
    context_user::instance($user->id)->delete();
    $address = $user->email ?: "$user->username.{$user->id}@unknownemail.invalid";
    return $DB->update_record('user', [
        'id' => $user->id, 'deleted' => 1, 'username' => "$address." . time(), 'email' => md5($user->username), 'idnumber' => '',
        'timemodified' => time(),
    ]);
}
