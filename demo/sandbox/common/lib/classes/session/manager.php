<?php
// Who the user is while a script runs.

namespace core\session;

class manager {
    public static function set_user(\stdClass $user): void {
        global $USER;
        $USER = $user;
    }

    public static function kill_user_sessions(int $userid): void {
        global $DB;
        $DB->delete_records('sessions', ['userid' => $userid]);
    }
}
