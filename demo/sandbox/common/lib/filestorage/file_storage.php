<?php
// Files: rows of `files`, which tell where each one is, and contents in the pool, which are
// named by their SHA-1 and kept once. Each directory of a file area is a row as well, '.'.

class file_storage {
    public function get_file_system(): file_system_filedir {
        return new file_system_filedir();
    }

    public static function hash_from_path(string $filepath): string {
        return sha1_file($filepath);
    }

    public static function get_pathname_hash(
        int $contextid, string $component, string $filearea, int $itemid, string $filepath, string $filename
    ): string {
        return sha1("/$contextid/$component/$filearea/$itemid$filepath$filename");
    }

    public function get_file_instance(stdClass $record): stored_file {
        return new stored_file($record);
    }

    public function get_file(
        int $contextid, string $component, string $filearea, int $itemid, string $filepath, string $filename
    ): stored_file|false {
        global $DB;
        $hash = self::get_pathname_hash($contextid, $component, $filearea, $itemid, $filepath, $filename);
        $record = $DB->get_record('files', ['pathnamehash' => $hash]);
        return $record ? new stored_file($record) : false;
    }

    /** Return the files of an area, by the hashes of their places; false: of any. */
    public function get_area_files(
        int $contextid, string $component, string|false $filearea = false, int|string|false $itemid = false,
        string $sort = 'itemid, filepath, filename', bool $includedirs = true
    ): array {
        global $DB;
        $wanted = array_filter(
            ['contextid' => $contextid, 'component' => $component, 'filearea' => $filearea, 'itemid' => $itemid],
            static fn(mixed $value): bool => $value !== false
        );
        $records = array_column($DB->get_records('files', $wanted, $sort), null, 'pathnamehash');
        $files = array_map(static fn(stdClass $record): stored_file => new stored_file($record), $records);
        return array_filter($files, static fn(stored_file $file): bool => $includedirs || $file->get_filename() !== '.');
    }

    public function create_file_from_string(stdClass|array $record, string $content): stored_file {
        return $this->create((array) $record, $this->get_file_system()->add_file_from_string($content), strlen($content));
    }

    public function create_file_from_pathname(stdClass|array $record, string $pathname): stored_file {
        return $this->create((array) $record, $this->get_file_system()->add_file_from_path($pathname), filesize($pathname));
    }

    public function create_file_from_storedfile(stdClass|array $record, stored_file $file): stored_file {
        return $this->create((array) $record + (array) $file->record(), $file->get_contenthash(), $file->get_filesize());
    }

    public function delete_area_files(
        int $contextid, string|false $component = false, string|false $filearea = false, int|string|false $itemid = false
    ): void {
        global $DB;
        $wanted = ['contextid' => $contextid, 'component' => $component, 'filearea' => $filearea, 'itemid' => $itemid];
        foreach ($DB->get_records('files', array_filter($wanted, static fn(mixed $value): bool => $value !== false)) as $record) {
            (new stored_file($record))->delete();
        }
    }

    private function create(array $record, string $contenthash, int $filesize): stored_file {
        global $DB, $USER;
        if (!preg_match('~^/(.*/)?$~', $record['filepath'])) {
            $this->get_file_system()->remove_file($contenthash);
            throw new file_exception('storedfileproblem', 'Invalid file path');
        }
        $place = array_map(static fn(string $name): mixed => $record[$name], ['contextid', 'component', 'filearea', 'itemid', 'filepath']);
        $this->make_directories(...$place);
        $id = $DB->insert_record('files', [
            'contenthash' => $contenthash, 'filesize' => $filesize, 'pathnamehash' => self::get_pathname_hash(...[...$place, $record['filename']]),
        ] + $record + [
            'mimetype' => mime_content_type(file_system_filedir::path($contenthash)) ?: null, 'userid' => $USER->id ?? null,
            'timecreated' => time(), 'timemodified' => time(),
        ]);
        return new stored_file($DB->get_record('files', ['id' => $id]));
    }

    /** Make the rows of a directory and of those that it lies in. */
    private function make_directories(int $contextid, string $component, string $filearea, int $itemid, string $filepath): void {
        global $DB;
        $empty = $this->get_file_system()->add_file_from_string('');
        for ($path = $filepath; $path !== ''; $path = preg_replace('~[^/]*/$~', '', $path)) {
            if ($this->get_file($contextid, $component, $filearea, $itemid, $path, '.')) {
                return;
            }
            $DB->insert_record('files', [
                'contextid' => $contextid, 'component' => $component, 'filearea' => $filearea, 'itemid' => $itemid, 'filepath' => $path,
                'filename' => '.', 'contenthash' => $empty, 'filesize' => 0, 'timecreated' => time(), 'timemodified' => time(),
                'pathnamehash' => self::get_pathname_hash($contextid, $component, $filearea, $itemid, $path, '.'),
            ]);
        }
    }
}
