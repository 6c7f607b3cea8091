<?php
// The login page: what a visitor sees of a site that is up.

require __DIR__ . '/../config.php';

$site = $DB->rows('SELECT fullname FROM {course} WHERE category = 0')[0]['fullname'];
$name = htmlspecialchars($site);
$root = htmlspecialchars($CFG->wwwroot);
$closed = empty($CFG->maintenance_enabled) ? ''
    : '<div class="login-maintenance">' . (($CFG->maintenance_message ?? '') ?: get_string('sitemaintenance', 'admin')) . '</div>';
$text = array_map(static fn(string $id): string => htmlspecialchars(get_string($id)), ['loginsite', 'username', 'password', 'login']);
echo "<!doctype html>
<html lang=\"en\"><title>$text[0] | $name</title>
<h1>$name</h1>
$closed
<form id=\"login\" method=\"post\" action=\"$root/login/index.php\">
<label>$text[1] <input name=\"username\"></label>
<label>$text[2] <input name=\"password\" type=\"password\"></label>
<button>$text[3]</button>
</form>
<footer>Moodle {$CFG->release} at $root</footer>
</html>
";
