<?php
defined('MOODLE_INTERNAL') || die();

$string['modulename'] = 'Quiz';
$string['pluginname'] = 'Quiz';
