<?php
// A category of courses, with those below it: hidden, shown and deleted together.

class core_course_category {
    private function __construct(private stdClass $row) {
    }

    public function __get(string $name): ?string {
        return $this->row->$name;
    }

    public static function get(int $id, int $strictness = MUST_EXIST, bool $alwaysreturnhidden = false): ?self {
        global $DB;
        $row = $DB->get_record('course_categories', ['id' => $id], '*', $strictness);
        return $row ? new self($row) : null;
    }

    /** Create one below `parent`, the last of those there; hidden where that is. */
    public static function create(array|stdClass $data): self {
        global $DB;
        $data = (array) $data + ['parent' => 0, 'visible' => 1];
        $above = $data['parent'] ? self::get($data['parent']) : null;
        $shown = $data['visible'] && ($above->visible ?? 1);
        $last = (int) $DB->get_field('course_categories', 'MAX(sortorder)', []);
        $row = ['visible' => (int) $shown, 'visibleold' => $data['visible'], 'sortorder' => $last + 1, 'timemodified' => time()];
        $id = $DB->insert_record('course_categories', $row + $data);
        fix_course_sortorder();
        context_coursecat::instance($id);
        return self::get($id);
    }

    public function update(array|stdClass $data): void {
        global $DB;
        $data = (array) $data;
        $visible = $data['visible'] ?? $this->visible;
        unset($data['visible']);
        $DB->update_record('course_categories', ['id' => $this->id, 'timemodified' => time()] + $data);
        if ($visible != $this->visible) {
            $visible ? $this->show() : $this->hide();
        }
        $this->row = self::get($this->id)->row;
    }

    public function hide(): void {
        $this->set_below('visibleold = visible, visible = 0');
        $this->set_visible(0);
    }

    /** Show it, and what is below as it was before it was hidden. */
    public function show(): void {
        $this->set_below('visible = visibleold');
        $this->set_visible(1);
    }

    public function can_delete_full(): bool {
        return true;
    }

    /** Delete it with all categories and courses below. */
    public function delete_full(bool $showfeedback = true): array {
        global $DB;
        $deleted = [];
        foreach ($DB->get_records('course_categories', ['parent' => $this->id], 'sortorder') as $child) {
            $deleted = array_merge($deleted, (new self($child))->delete_full($showfeedback));
        }
        foreach ($DB->get_records('course', ['category' => $this->id], 'sortorder') as $course) {
            delete_course($course, $showfeedback);
            $deleted[] = $course;
        }
        context_coursecat::instance($this->id)->delete();
        $DB->delete_records('course_categories', ['id' => $this->id]);
        return $deleted;
    }

    private function set_visible(int $visible): void {
        global $DB;
        $DB->update_record('course_categories', ['id' => $this->id, 'visible' => $visible, 'visibleold' => $visible]);
        $this->row->visible = (string) $visible;
    }

    /** Change the categories below it, and the courses in it and in these. */
    private function set_below(string $what): void {
        global $DB;
        $path = $DB->sql_like_escape($this->path) . '/%';
        $DB->execute("UPDATE {course_categories} SET $what WHERE path LIKE ?", [$path]);
        $below = 'SELECT id FROM {course_categories} WHERE id = ? OR path LIKE ?';
        $DB->execute("UPDATE {course} SET $what WHERE category IN ($below)", [$this->id, $path]);
    }
}
