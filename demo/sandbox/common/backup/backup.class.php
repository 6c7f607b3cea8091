<?php
// What a backup is made of. The sandbox's is a zip file like Moodle's, with `moodle_backup.xml`
// and little else: the course's names, its users with their roles, and its own files.

abstract class backup {
    public const TYPE_1COURSE = 'course';
    public const FORMAT_MOODLE = 'moodle2';
    public const INTERACTIVE_YES = true;
    public const INTERACTIVE_NO = false;
    public const MODE_GENERAL = 10;
    public const MODE_AUTOMATED = 50;
    public const TARGET_NEW_COURSE = 2;
}

/** Return an element for each of some values, as XML. */
function backup_elements(array $values): string {
    $text = '';
    foreach ($values as $name => $value) {
        $text .= "<$name>" . htmlspecialchars((string) $value, ENT_XML1 | ENT_SUBSTITUTE) . "</$name>\n";
    }
    return $text;
}

function backup_document(string $root, string $inside): string {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<$root>\n$inside</$root>\n";
}
