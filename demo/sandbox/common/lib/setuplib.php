<?php
// Moodle's exceptions, its few sentences that are needed here, and its page for errors.

class moodle_exception extends Exception {
    public function __construct(
        public string $errorcode, string $module = 'error', string $link = '', mixed $a = null, public ?string $debuginfo = null
    ) {
        parent::__construct(get_string($errorcode, $module, $a));
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

function get_string(string $identifier, string $component = '', mixed $a = null): string {
    $text = [
        'codingerror' => 'Coding error detected, it must be fixed by a programmer: {$a}',
        'dmlreadexception' => 'Error reading from database',
        'dmlwriteexception' => 'Error writing to database',
        'sitemaintenance' => 'The site is undergoing maintenance and is currently not available',
    ][$identifier];
    return str_replace('{$a}', (string) $a, $text);
}

class bootstrap_renderer {
    public static function early_error_content(string $message): string {
        return "<div class='alert-danger'>$message</div>";
    }

    public static function plain_page(string $title, string $content): string {
        return "<!doctype html>\n<html lang=\"en\"><title>$title</title>\n<h1>$title</h1>\n$content\n</html>\n";
    }
}
