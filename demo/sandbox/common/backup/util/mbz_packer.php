<?php
// Unpacks a backup, and reads what it is one of.

function get_file_packer(string $mimetype): mbz_packer {
    return new mbz_packer();
}

function make_backup_temp_directory(string $directory): string {
    global $CFG;
    check_dir_exists("$CFG->backuptempdir/$directory");
    return "$CFG->backuptempdir/$directory";
}

class mbz_packer {
    /** Unpack a zip file; return the names in it, or false when it is damaged or none. */
    public function extract_to_pathname(string $archivefile, string $pathname): array|false {
        $zip = new ZipArchive();
        if ($zip->open($archivefile, ZipArchive::RDONLY | ZipArchive::CHECKCONS) !== true || !$zip->extractTo($pathname)) {
            return false;
        }
        return array_map(static fn(int $at): string => $zip->getNameIndex($at), range(0, $zip->numFiles - 1));
    }
}

abstract class backup_general_helper {
    /** Return what the unpacked backup says of itself. */
    public static function get_backup_information(string $tempdir): ?stdClass {
        $xml = backup_file($tempdir, 'moodle_backup.xml');
        if (!$xml) {
            return null;
        }
        $told = (object) array_map('strval', array_filter((array) $xml->information, 'is_string'));
        $told->type = (string) $xml->information->details->detail->type;
        return $told;
    }
}

/** Return a file of an unpacked backup, null when it has no such file. */
function backup_file(string $tempdir, string $name): ?SimpleXMLElement {
    global $CFG;
    $path = "$CFG->backuptempdir/$tempdir/$name";
    return is_file($path) ? (simplexml_load_file($path, SimpleXMLElement::class, LIBXML_NONET) ?: null) : null;
}
