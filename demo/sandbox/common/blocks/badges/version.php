<?php
defined('MOODLE_INTERNAL') || die();

$plugin->version = 2023042400;
$plugin->component = 'block_badges';
