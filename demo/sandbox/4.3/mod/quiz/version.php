<?php
defined('MOODLE_INTERNAL') || die();

$plugin->version = 2023100900;
$plugin->component = 'mod_quiz';
