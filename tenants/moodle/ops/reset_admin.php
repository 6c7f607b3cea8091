<?php
// Makes the local account `admin` a working administrator: {password, firstname, lastname,
// email: "" to leave them}. Answers {id, account: updated, revived or created, admins: [ids]}.

return static function (array $in): array {
    global $CFG, $DB;
    require_once "$CFG->dirroot/user/lib.php";
    require_once "$CFG->libdir/authlib.php";

    $named = ['username' => 'admin', 'mnethostid' => $CFG->mnet_localhost_id];
    $user = $DB->get_record('user', $named);
    if ($user && $user->auth !== 'manual') {
        throw new agent_refusal("the account 'admin' logs in by $user->auth, which has no password to set here");
    }
    if (!$user && $in['email'] === '') {
        throw new agent_refusal("there is no account 'admin': give the e-mail address to make it with");
    }
    $reasons = '';
    if (!check_password_policy($in['password'], $reasons, $user ?: null)) {
        throw new agent_refusal('the password is too weak: ' . trim(strip_tags(str_replace('</', ' </', $reasons))));
    }
    // As stored: a cache may hold what nobody invalidated.
    $stored = (string) $DB->get_field('config', 'value', ['name' => 'siteadmins']);
    $admins = array_filter(explode(',', $stored), 'strlen');
    $forced = array_key_exists('siteadmins', $CFG->config_php_settings);
    if ($forced && !($user && in_array($user->id, explode(',', $CFG->siteadmins)))) {
        throw new agent_refusal('siteadmins is fixed for this site by its forced settings: change it there');
    }

    $given = array_filter([
        'firstname' => $in['firstname'],
        'lastname' => $in['lastname'],
        'email' => $in['email'],
    ], 'strlen');
    $transaction = $DB->start_delegated_transaction();
    if ($user) {
        $account = $user->deleted ? 'revived' : 'updated';
        // Moodle's function refuses deleted accounts.
        $DB->set_field('user', 'deleted', 0, ['id' => $user->id]);
        context_user::instance($user->id);
        user_update_user((object) ($given + ['id' => $user->id, 'confirmed' => 1, 'suspended' => 0]), false);
        $id = $user->id;
    } else {
        $account = 'created';
        $own = ['auth' => 'manual', 'confirmed' => 1, 'password' => hash_internal_user_password($in['password'])];
        $id = user_create_user($named + $given + $own + ['firstname' => 'Local', 'lastname' => 'Administrator'], false);
    }
    $user = $DB->get_record('user', ['id' => $id], '*', MUST_EXIST);
    update_internal_user_password($user, $in['password']);
    if (!in_array($id, $admins) && !$forced) {
        $admins[] = $id;
        set_config('siteadmins', implode(',', $admins));
    }
    $transaction->allow_commit();
    login_unlock_account($user);
    echo "$account the account admin\n";
    return ['id' => (int) $id, 'account' => $account, 'admins' => array_map('intval', $admins)];
};
