<?php
// Where something is: the system, a user, a category or a course, each a row of `context`
// that is made when it is first asked for.

const CONTEXT_SYSTEM = 10;
const CONTEXT_USER = 30;
const CONTEXT_COURSECAT = 40;
const CONTEXT_COURSE = 50;

abstract class context {
    protected const LEVEL = 0;

    final private function __construct(
        public readonly int $id, public readonly int $contextlevel, public readonly int $instanceid, public readonly string $path,
        public readonly int $depth
    ) {
    }

    /** Return the context in which that of an instance lies. */
    abstract protected static function parent(int $instanceid): ?self;

    public static function instance(int $instanceid): static {
        global $DB;
        $key = ['contextlevel' => static::LEVEL, 'instanceid' => $instanceid];
        if (!$DB->record_exists('context', $key)) {
            $parent = static::parent($instanceid);
            $id = $DB->insert_record('context', $key);
            $DB->update_record('context', ['id' => $id, 'path' => "$parent?->path/$id", 'depth' => ($parent->depth ?? 0) + 1]);
        }
        $row = $DB->get_record('context', $key);
        return new static((int) $row->id, static::LEVEL, $instanceid, $row->path, (int) $row->depth);
    }

    /** Tell sessions that permissions have changed: the sandbox has nobody logged in. */
    public function mark_dirty(): void {
    }

    /** Delete the row with all that hangs on it. */
    public function delete(): void {
        global $DB;
        get_file_storage()->delete_area_files($this->id);
        foreach (['role_assignments', 'role_capabilities', 'filter_active'] as $table) {
            $DB->delete_records($table, ['contextid' => $this->id]);
        }
        $DB->delete_records('context', ['id' => $this->id]);
    }
}

class context_system extends context {
    protected const LEVEL = CONTEXT_SYSTEM;

    protected static function parent(int $instanceid): ?context {
        return null;
    }

    public static function instance(int $instanceid = 0): static {
        return parent::instance($instanceid);
    }
}

class context_user extends context {
    protected const LEVEL = CONTEXT_USER;

    protected static function parent(int $instanceid): context {
        return context_system::instance();
    }
}

class context_coursecat extends context {
    protected const LEVEL = CONTEXT_COURSECAT;

    protected static function parent(int $instanceid): context {
        global $DB;
        $above = (int) $DB->get_field('course_categories', 'parent', ['id' => $instanceid]);
        return $above ? self::instance($above) : context_system::instance();
    }
}

class context_course extends context {
    protected const LEVEL = CONTEXT_COURSE;

    protected static function parent(int $instanceid): context {
        global $DB;
        $category = (int) $DB->get_field('course', 'category', ['id' => $instanceid]);
        return $category ? context_coursecat::instance($category) : context_system::instance();
    }
}
