<?php
// Scheduled and ad-hoc tasks: two of Moodle's, which clean up, and automated backups, with
// Moodle's rows, locks, messages and delays. A setting `sandbox_task_fails` names a class that fails.

const TASKS = [
    '\core\task\session_cleanup_task' => ['Cleanup old sessions', '*', '*'],
    '\core\task\file_trash_cleanup_task' => ['Cleanup files in trash', '17', '4'],
];

const BACKUP_TASK = '\core\task\course_backup_task';

function add_scheduled_tasks(): void {
    global $DB;
    foreach (TASKS as $class => [, $minute, $hour]) {
        $DB->execute('INSERT INTO {task_scheduled} (component, classname, minute, hour, day, month, dayofweek, faildelay, nextruntime)'
            . " VALUES ('moodle', ?, ?, ?, '*', '*', '*', 0, ?)", [$class, $minute, $hour, next_run($class)]);
    }
}

function next_run(string $class): int {
    [, $minute, $hour] = TASKS[$class];
    return $minute === '*' ? intdiv(time(), 60) * 60 + 60 : strtotime("tomorrow $hour:$minute");
}

/** Take one of Moodle's locks, as its MySQL lock factory names it; held until the end. */
function get_cron_lock(string $resource, int $seconds): bool {
    global $DB, $CFG;
    $name = sha1("$CFG->dbname:{$CFG->prefix}_cron_$resource");
    return $DB->rows('SELECT GET_LOCK(?, ?) AS got', [$name, $seconds])[0]['got'] == 1;
}

function get_runner_lock(string $kind): bool {
    foreach ([0, 1, 2] as $number) {
        if (get_cron_lock("{$kind}_task_runner_$number", 0)) {
            return true;
        }
    }
    return false;
}

function execute_task(string $class, ?stdClass $data = null): void {
    global $DB, $CFG;
    if (ltrim($CFG->sandbox_task_fails ?? '', '\\') === ltrim($class, '\\')) {
        throw new Exception("The sandbox was told to fail");
    }
    if ($class === '\core\task\session_cleanup_task') {
        $DB->execute('DELETE FROM {sessions} WHERE timemodified < ?', [time() - 28800]);
    } else if ($class === '\core\task\file_trash_cleanup_task') {
        remove_dir("$CFG->dataroot/trashdir");
    } else if ($class === BACKUP_TASK) {
        back_up_course($data->courseid, $data->adminid);
    }
}

function run_scheduled_task(array $row): void {
    global $DB;
    $class = $row['classname'];
    $name = TASKS[$class][0] . ' (' . ltrim($class, '\\') . ')';
    $DB->execute('UPDATE {task_scheduled} SET timestarted = ?, hostname = ?, pid = ? WHERE id = ?',
        [time(), gethostname(), getmypid(), $row['id']]);
    cli_writeln("Execute scheduled task: $name\n... started " . date('H:i:s') . '.');
    try {
        execute_task($class);
        cli_writeln("Scheduled task complete: $name");
        $values = [time(), next_run($class), 0];
    } catch (Exception $error) {
        cli_writeln("Scheduled task failed: $name," . $error->getMessage());
        $delay = min(86400, 2 * $row['faildelay'] ?: 60);
        $values = [$row['lastruntime'], time() + $delay, $delay];
    }
    $DB->execute('UPDATE {task_scheduled} SET lastruntime = ?, nextruntime = ?, faildelay = ?,'
        . ' timestarted = NULL, hostname = NULL, pid = NULL WHERE id = ?', [...$values, $row['id']]);
}

function run_adhoc_task(array $row): void {
    global $DB;
    cli_writeln("Execute adhoc task: $row[classname]\nAdhoc task id: $row[id]");
    try {
        execute_task($row['classname'], json_decode($row['customdata'] ?? 'null'));
        cli_writeln("Adhoc task complete: $row[classname]");
        $DB->execute('DELETE FROM {task_adhoc} WHERE id = ?', [$row['id']]);
    } catch (Exception $error) {
        cli_writeln("Adhoc task failed: $row[classname]," . $error->getMessage());
        $delay = min(86400, 2 * $row['faildelay'] ?: 60);
        $DB->execute('UPDATE {task_adhoc} SET nextruntime = ?, faildelay = ? WHERE id = ?',
            [time() + $delay, $delay, $row['id']]);
    }
}

/** Queue the backup of each course whose time has come; a new course waits for the next one. */
function queue_automated_backups(): void {
    global $DB;
    $next = ['nextstarttime' => strtotime('tomorrow')];
    foreach ($DB->get_records_select('course', 'category <> 0', null, 'id', 'id') as $id => $course) {
        $status = $DB->get_record('backup_courses', ['courseid' => $id]);
        if (!$status) {
            $DB->insert_record('backup_courses', ['courseid' => $id] + $next);
        } else if ($status->nextstarttime <= time()) {
            $DB->insert_record('task_adhoc', [
                'component' => 'moodle', 'classname' => BACKUP_TASK, 'nextruntime' => time() - 1, 'faildelay' => 0, 'timecreated' => time(),
                'customdata' => json_encode(['courseid' => $id, 'adminid' => (int) get_admin()->id]),
            ]);
            $DB->update_record('backup_courses', ['id' => $status->id, 'laststatus' => 6] + $next);
        }
    }
}

/** Store a backup of a course in its area for automated ones. */
function back_up_course(int $courseid, int $adminid): void {
    global $CFG, $DB;
    require_once "$CFG->dirroot/backup/util/includes/backup_includes.php";
    $key = ['courseid' => $courseid];
    $DB->set_field('backup_courses', 'laststarttime', time(), $key);
    (new backup_controller(
        backup::TYPE_1COURSE, $courseid, backup::FORMAT_MOODLE, backup::INTERACTIVE_NO, backup::MODE_AUTOMATED, $adminid
    ))->execute_plan();
    $DB->set_field('backup_courses', 'lastendtime', time(), $key);
    $DB->set_field('backup_courses', 'laststatus', 1, $key);
}
