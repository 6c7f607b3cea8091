<?php
// Who takes part in a course. The sandbox has the enrolment by hand.

const ENROL_INSTANCE_ENABLED = 0;

function enrol_is_enabled(string $enrol): bool {
    global $CFG;
    return in_array($enrol, explode(',', $CFG->enrol_plugins_enabled ?? ''), true);
}

function enrol_get_plugin(string $name): ?enrol_manual_plugin {
    return $name === 'manual' ? new enrol_manual_plugin() : null;
}

class enrol_manual_plugin {
    public function add_default_instance(stdClass $course): int {
        global $DB;
        return $DB->insert_record('enrol', [
            'enrol' => 'manual', 'courseid' => $course->id, 'timecreated' => time(), 'timemodified' => time(),
        ]);
    }

    public function update_status(stdClass $instance, int $newstatus): void {
        global $DB;
        $DB->set_field('enrol', 'status', $newstatus, ['id' => $instance->id]);
    }

    public function enrol_user(stdClass $instance, int $userid, ?int $roleid = null): void {
        global $DB, $USER;
        $key = ['enrolid' => $instance->id, 'userid' => $userid];
        if (!$DB->record_exists('user_enrolments', $key)) {
            $DB->insert_record('user_enrolments', $key + [
                'modifierid' => $USER->id ?? 0, 'timecreated' => time(), 'timemodified' => time(),
            ]);
        }
        if ($roleid) {
            role_assign($roleid, $userid, context_course::instance($instance->courseid)->id);
        }
    }
}

/** Return the users of a course by their ids; of their columns those that are named, as `u.NAME`. */
function get_enrolled_users(context $context, string $withcapability = '', int $groupid = 0, string $userfields = 'u.*'): array {
    global $DB;
    return $DB->get_records_sql(
        "SELECT DISTINCT $userfields FROM {user} u JOIN {user_enrolments} ue ON ue.userid = u.id"
        . ' JOIN {enrol} e ON e.id = ue.enrolid WHERE e.courseid = ? AND u.deleted = 0 ORDER BY u.id',
        [$context->instanceid]
    );
}
