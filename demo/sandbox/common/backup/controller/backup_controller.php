<?php
// Makes the backup of one course.

class backup_controller {
    private stdClass $course;
    private context_course $context;

    public function __construct(
        string $type, int $id, string $format, bool $interactive, private readonly int $mode, private readonly int $userid
    ) {
        $this->course = get_course($id);
        $this->context = context_course::instance($id);
    }

    /** Store the file in the course's area for backups; return it. */
    public function execute_plan(): stored_file {
        $path = tempnam(sys_get_temp_dir(), 'mbz');
        try {
            $this->write($path);
            $area = $this->mode === backup::MODE_AUTOMATED ? 'automated' : 'course';
            return get_file_storage()->create_file_from_pathname([
                'contextid' => $this->context->id, 'component' => 'backup', 'filearea' => $area, 'itemid' => 0, 'filepath' => '/',
                'filename' => $this->filename($area), 'userid' => $this->userid,
            ], $path);
        } finally {
            unlink($path);
        }
    }

    private function write(string $path): void {
        $zip = new ZipArchive();
        $zip->open($path, ZipArchive::OVERWRITE);
        $zip->addFromString('moodle_backup.xml', backup_document('moodle_backup', $this->information()));
        $zip->addFromString('course/course.xml', $this->course_xml());
        $zip->addFromString('users.xml', backup_document('users', $this->users()));
        $zip->addFromString('files.xml', backup_document('files', $this->files($zip)));
        if (!$zip->close()) {
            throw new moodle_exception('cannotcreatebackup', '', '', $path);
        }
    }

    /** Return a name that no backup of the area has. */
    private function filename(string $area): string {
        $name = preg_replace('/[^\w-]+/', '_', strtolower($this->course->shortname));
        $start = "backup-moodle2-course-{$this->course->id}-$name-" . date('Ymd-Hi');
        $end = '.mbz';
        for ($number = 2; get_file_storage()->get_file($this->context->id, 'backup', $area, 0, '/', $start . $end); $number++) {
            $end = "-$number.mbz";
        }
        return $start . $end;
    }

    private function information(): string {
        global $CFG;
        $details = "<details>\n<detail>\n" . backup_elements(['type' => backup::TYPE_1COURSE, 'format' => backup::FORMAT_MOODLE])
            . "</detail>\n</details>\n";
        return "<information>\n" . backup_elements([
            'sandbox' => 1, 'moodle_version' => $CFG->version, 'moodle_release' => $CFG->release, 'backup_date' => time(),
            'original_wwwroot' => $CFG->wwwroot, 'original_course_id' => $this->course->id,
            'original_course_fullname' => $this->course->fullname, 'original_course_shortname' => $this->course->shortname,
        ]) . "$details</information>\n";
    }

    private function course_xml(): string {
        return backup_document('course', backup_elements(['summary' => $this->course->summary]));
    }

    private function users(): string {
        global $DB;
        $fields = 'u.id, u.username, u.firstname, u.lastname, u.email, u.auth';
        $roles = 'SELECT r.id, r.shortname FROM {role} r JOIN {role_assignments} a ON a.roleid = r.id WHERE a.contextid = ? AND a.userid = ?';
        $text = '';
        foreach (get_enrolled_users($this->context, '', 0, $fields) as $user) {
            $names = $DB->get_records_sql_menu($roles, [$this->context->id, $user->id]);
            $text .= "<user>\n" . backup_elements((array) $user + ['roles' => implode(',', $names)]) . "</user>\n";
        }
        return $text;
    }

    /** Put the course's own files into the archive; return where they belong. */
    private function files(ZipArchive $zip): string {
        $text = '';
        foreach (get_file_storage()->get_area_files($this->context->id, 'course', includedirs: false) as $file) {
            $hash = $file->get_contenthash();
            if (!@$zip->addFile(file_system_filedir::path($hash), 'files/' . substr($hash, 0, 2) . "/$hash")) {
                throw new moodle_exception('cannotcreatebackup', '', '', file_system_filedir::path($hash));
            }
            $place = array_intersect_key($file->record(), array_flip(['filearea', 'itemid', 'filepath', 'filename', 'author', 'license']));
            $text .= "<file>\n" . backup_elements($place + ['contenthash' => $hash]) . "</file>\n";
        }
        return $text;
    }
}
