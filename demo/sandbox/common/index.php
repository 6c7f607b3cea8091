<?php
// The front page leads to the login page.

require __DIR__ . '/config.php';

header("Location: $CFG->wwwroot/login/index.php", true, 303);
