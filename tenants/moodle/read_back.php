<?php
// Reads boot files as boot.php does. Run by `generateconfigs`, outside of Moodle: each
// line of standard input is a JSON list of a file and the values it should return;
// prints the name of every file that does not return exactly these.
//
// VMoodle, free software under the GNU GPL, version 3 or later:
// https://www.gnu.org/licenses/gpl-3.0.html

while (($line = fgets(STDIN)) !== false) {
    [$file, $meant] = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    try {
        $found = @include $file;
    } catch (Throwable) {
        $found = null;
    }
    if ($found !== $meant) {
        echo "$file\n";
    }
}
echo "end\n";
