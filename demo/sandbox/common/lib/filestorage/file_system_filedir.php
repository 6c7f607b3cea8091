<?php
// The pool of contents below the data path, and the trash for those that no file has.

class file_system_filedir {
    public static function path(string $contenthash): string {
        global $CFG;
        return self::in("$CFG->dataroot/filedir", $contenthash);
    }

    public function is_file_readable_locally_by_storedfile(stored_file $file, bool $fetchifnotfound = false): bool {
        return is_readable(self::path($file->get_contenthash()));
    }

    public function add_file_from_path(string $pathname): string {
        return $this->add(sha1_file($pathname), static fn(string $to): bool => copy($pathname, $to));
    }

    public function add_file_from_string(string $content): string {
        return $this->add(sha1($content), static fn(string $to): bool => file_put_contents($to, $content) === strlen($content));
    }

    /** Move a content to the trash, unless a file has it. */
    public function remove_file(string $contenthash): void {
        global $DB, $CFG;
        $path = self::path($contenthash);
        if (!is_file($path) || $DB->record_exists('files', ['contenthash' => $contenthash])) {
            return;
        }
        $trash = self::in("$CFG->dataroot/trashdir", $contenthash);
        check_dir_exists(dirname($trash));
        rename($path, $trash);
    }

    private static function in(string $directory, string $contenthash): string {
        return "$directory/" . substr($contenthash, 0, 2) . '/' . substr($contenthash, 2, 2) . "/$contenthash";
    }

    /** Put a content into the pool, complete or not at all. */
    private function add(string $contenthash, callable $write): string {
        global $CFG;
        $path = self::path($contenthash);
        if (!is_file($path)) {
            check_dir_exists(dirname($path));
            if (!$write("$path.new") || !rename("$path.new", $path)) {
                throw new file_exception('storedfilecannotcreatefile', $path);
            }
            chmod($path, $CFG->filepermissions);
        }
        return $contenthash;
    }
}
