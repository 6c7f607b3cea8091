<?php
// Moodle's exceptions, and its page for errors.

class moodle_exception extends Exception {
    public function __construct(
        public string $errorcode, string $module = '', string $link = '', mixed $a = null, public ?string $debuginfo = null
    ) {
        parent::__construct(get_string($errorcode, $module ?: 'error', $a));
    }
}

class coding_exception extends moodle_exception {
    public function __construct(string $hint, ?string $debuginfo = null) {
        parent::__construct('codingerror', 'debug', '', $hint, $debuginfo);
    }
}

class dml_exception extends moodle_exception {
    public function __construct(string $errorcode, ?string $a = null, ?string $debuginfo = null) {
        parent::__construct($errorcode, 'error', '', $a, $debuginfo);
    }
}

class file_exception extends moodle_exception {
    public function __construct(string $errorcode, ?string $a = null, ?string $debuginfo = null) {
        parent::__construct($errorcode, 'error', '', $a, $debuginfo);
    }
}

function get_string(string $identifier, string $component = '', mixed $a = null): string {
    return get_string_manager()->get_string($identifier, $component, $a);
}

class bootstrap_renderer {
    public static function early_error_content(string $message): string {
        return "<div class='alert-danger'>$message</div>";
    }

    public static function plain_page(string $title, string $content): string {
        return "<!doctype html>\n<html lang=\"en\"><title>$title</title>\n<h1>$title</h1>\n$content\n</html>\n";
    }
}
