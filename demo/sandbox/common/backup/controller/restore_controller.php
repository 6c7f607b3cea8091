<?php
// Restores an unpacked backup into a course: its texts, its users and its files.

abstract class restore_dbops {
    /** Create a hidden course to restore into. */
    public static function create_new_course(string $fullname, string $shortname, int $categoryid): int {
        return (int) create_course((object) [
            'fullname' => $fullname, 'shortname' => $shortname, 'category' => $categoryid, 'visible' => 0,
        ])->id;
    }
}

class restore_controller {
    private restore_plan $plan;
    private array $told = [];

    public function __construct(
        private readonly string $tempdir, private readonly int $courseid, bool $interactive, int $mode, int $userid, int $target
    ) {
        $told = backup_general_helper::get_backup_information($tempdir);
        $this->plan = new restore_plan([
            'course_fullname' => $told->original_course_fullname, 'course_shortname' => $told->original_course_shortname,
        ]);
    }

    public function get_plan(): restore_plan {
        return $this->plan;
    }

    /** Look whether it can be restored: a real Moodle's has much that the sandbox has no place for. */
    public function execute_precheck(): bool {
        $own = isset(backup_general_helper::get_backup_information($this->tempdir)->sandbox);
        $this->told = $own ? [] : ['errors' => ['the sandbox restores its own backups only']];
        return $own;
    }

    public function get_precheck_results(): array {
        return $this->told;
    }

    public function execute_plan(): void {
        global $DB;
        $course = backup_file($this->tempdir, 'course/course.xml');
        update_course((object) [
            'id' => $this->courseid, 'summary' => (string) $course?->summary, 'fullname' => $this->plan->value('course_fullname'),
            'shortname' => $this->plan->value('course_shortname'),
        ]);
        $enrolment = $DB->get_record('enrol', ['courseid' => $this->courseid, 'enrol' => 'manual'], '*', MUST_EXIST);
        foreach (backup_file($this->tempdir, 'users.xml')->user ?? [] as $user) {
            $this->restore_user(array_map('strval', iterator_to_array($user)), $enrolment);
        }
        foreach (backup_file($this->tempdir, 'files.xml')->file ?? [] as $file) {
            $this->restore_file(array_map('strval', iterator_to_array($file)));
        }
    }

    public function destroy(): void {
    }

    /** Enrol a user, who is made when the site has nobody of that name and address. */
    private function restore_user(array $user, stdClass $enrolment): void {
        global $DB;
        $key = ['username' => $user['username'], 'email' => $user['email'], 'deleted' => 0];
        $id = $DB->get_field('user', 'id', $key) ?: user_create_user(
            array_intersect_key($user, array_flip(['username', 'firstname', 'lastname', 'email', 'auth'])) + ['password' => 'restored'], false
        );
        $roles = $DB->get_records_list('role', 'shortname', explode(',', $user['roles']));
        enrol_get_plugin('manual')->enrol_user($enrolment, $id);
        array_map(fn(stdClass $role): int => role_assign($role->id, $id, context_course::instance($this->courseid)->id), $roles);
    }

    private function restore_file(array $file): void {
        global $CFG;
        $hash = $file['contenthash'];
        $content = "$CFG->backuptempdir/$this->tempdir/files/" . substr($hash, 0, 2) . "/$hash";
        unset($file['contenthash']);
        $place = ['contextid' => context_course::instance($this->courseid)->id, 'component' => 'course'];
        get_file_storage()->create_file_from_pathname($place + $file, $content);
    }
}

/** What a restore is told: the names that the course shall have meanwhile. */
class restore_plan {
    public function __construct(private array $values) {
    }

    public function get_setting(string $name): restore_setting {
        return new restore_setting($this->values[$name]);
    }

    public function value(string $name): string {
        return $this->values[$name];
    }
}

class restore_setting {
    public function __construct(private string &$value) {
    }

    public function set_value(string $value): void {
        $this->value = $value;
    }
}
