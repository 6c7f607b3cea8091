<?php
defined('MOODLE_INTERNAL') || die();

$string['login'] = 'Log in';
$string['loginsite'] = 'Log in to the site';
$string['password'] = 'Password';
$string['username'] = 'Username';
