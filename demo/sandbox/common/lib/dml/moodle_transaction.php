<?php
// A transaction, perhaps within another one.

class moodle_transaction {
    public function __construct(private readonly moodle_database $database) {
    }

    public function allow_commit(): void {
        $this->database->commit_delegated_transaction();
    }

    /** Undo everything, also what lies around it, and throw the exception on. */
    public function rollback(Throwable $e): never {
        $this->database->rollback_delegated_transaction($e);
    }
}
