<?php
// A file that is stored: its row, and its content in the pool.

class stored_file {
    public function __construct(private stdClass $record) {
    }

    /** Read a column by Moodle's name for that: get_filename(), get_author(), .... */
    public function __call(string $name, array $arguments): mixed {
        global $DB;
        [$verb, $column] = explode('_', $name, 2);
        if (!property_exists($this->record, $column)) {
            throw new coding_exception("stored_file has no $name()");
        }
        if ($verb === 'set') {
            $this->record->$column = $arguments[0];
            $DB->set_field('files', $column, $arguments[0], ['id' => $this->record->id]);
        }
        return $this->record->$column;
    }

    /** Return what a copy of this file is made of. */
    public function record(): array {
        return array_diff_key((array) $this->record, ['id' => 1, 'contenthash' => 1, 'pathnamehash' => 1, 'filesize' => 1]);
    }

    public function get_itemid(): int {
        return (int) $this->record->itemid;
    }

    public function get_filesize(): int {
        return (int) $this->record->filesize;
    }

    public function is_external_file(): bool {
        return (bool) $this->record->referencefileid;
    }

    public function copy_content_to(string $pathname): bool {
        return copy(file_system_filedir::path($this->record->contenthash), $pathname);
    }

    /** Take another file's content; give up one's own. */
    public function replace_file_with(self $newfile): void {
        global $DB;
        $old = $this->record->contenthash;
        foreach (['contenthash', 'filesize', 'mimetype'] as $name) {
            $this->record->$name = $newfile->record->$name;
        }
        $this->record->referencefileid = null;
        $this->record->timemodified = time();
        $DB->update_record('files', $this->record);
        get_file_storage()->get_file_system()->remove_file($old);
    }

    public function delete(): bool {
        global $DB;
        $DB->delete_records('files', ['id' => $this->record->id]);
        get_file_storage()->get_file_system()->remove_file($this->record->contenthash);
        return true;
    }
}
