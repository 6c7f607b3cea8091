<?php
// The login page: what a visitor sees of a site that is up.

require __DIR__ . '/../config.php';

$site = $DB->rows('SELECT fullname FROM {course} WHERE category = 0')[0]['fullname'];
$name = htmlspecialchars($site);
$root = htmlspecialchars($CFG->wwwroot);
$closed = empty($CFG->maintenance_enabled) ? ''
    : '<div class="login-maintenance">' . (($CFG->maintenance_message ?? '') ?: get_string('sitemaintenance', 'admin')) . '</div>';
echo "<!doctype html>
<html lang=\"en\"><title>Log in to the site | $name</title>
<h1>$name</h1>
$closed
<form id=\"login\" method=\"post\" action=\"$root/login/index.php\">
<label>Username <input name=\"username\"></label>
<label>Password <input name=\"password\" type=\"password\"></label>
<button>Log in</button>
</form>
<footer>Moodle {$CFG->release} at $root</footer>
</html>
";
