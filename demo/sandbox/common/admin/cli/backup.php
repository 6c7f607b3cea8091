<?php
// Backs up a course: into its own area of files, or into a directory.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->dirroot/backup/util/includes/backup_includes.php";

[$options, $unrecognised] = cli_get_params(
    ['courseid' => false, 'courseshortname' => '', 'destination' => '', 'help' => false], ['h' => 'help']
);
cli_refuse_unknown($unrecognised);
if ($options['help'] || !$options['courseid'] && !$options['courseshortname']) {
    cli_writeln('Back up a course: --courseid=NUMBER or --courseshortname=NAME [--destination=DIRECTORY]');
    exit(0);
}
$directory = rtrim($options['destination'], '/');
if ($directory !== '' && !is_writable($directory)) {
    cli_writeln("The directory $directory does not exist, or cannot be written to.");
    exit(0); // as Moodle's
}
$key = $options['courseid'] ? ['id' => $options['courseid']] : ['shortname' => $options['courseshortname']];
$course = $DB->get_record('course', $key, '*', MUST_EXIST);
$file = (new backup_controller(
    backup::TYPE_1COURSE, $course->id, backup::FORMAT_MOODLE, backup::INTERACTIVE_YES, backup::MODE_GENERAL, get_admin()->id
))->execute_plan();
if ($directory === '') {
    cli_writeln('Backup completed, the new file is listed in the backup area of the given course');
    exit(0);
}
$path = "$directory/" . $file->get_filename();
cli_writeln("Writing $path");
$file->copy_content_to($path) || cli_error("$path cannot be written: the file is left in the course's backup area");
$file->delete();
cli_writeln('Backup completed.');
