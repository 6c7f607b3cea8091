<?php
// Events, which the sandbox writes to its standard log at once.

namespace core\event;

abstract class base {
    protected const TABLE = '';
    protected const CRUD = 'u';

    private function __construct(private readonly array $data) {
    }

    public static function create(array $data): static {
        return new static($data);
    }

    public function trigger(): void {
        global $DB, $USER;
        preg_match('/(\w+)_([a-z]+)$/', static::class, $parts);
        ['context' => $context, 'objectid' => $objectid, 'other' => $other] = $this->data;
        $DB->insert_record('logstore_standard_log', [
            'eventname' => '\\' . static::class, 'component' => 'core', 'action' => $parts[2], 'target' => $parts[1],
            'objecttable' => static::TABLE, 'objectid' => $objectid, 'crud' => static::CRUD, 'edulevel' => 0,
            'contextid' => $context->id, 'contextlevel' => $context->contextlevel, 'contextinstanceid' => $context->instanceid,
            'userid' => $USER->id ?? 0, 'other' => json_encode($other), 'timecreated' => time(), 'origin' => 'cli',
        ]);
    }
}

class role_created extends base {
    protected const TABLE = 'role';
    protected const CRUD = 'c';
}

class capability_assigned extends base {
    protected const TABLE = 'role_capabilities';
}

class capability_unassigned extends base {
    protected const TABLE = 'role_capabilities';
}

class role_allow_assign_updated extends base {
    protected const TABLE = 'role_allow_assign';
}

class role_allow_override_updated extends base {
    protected const TABLE = 'role_allow_override';
}

class role_allow_switch_updated extends base {
    protected const TABLE = 'role_allow_switch';
}

class role_allow_view_updated extends base {
    protected const TABLE = 'role_allow_view';
}
