<?php
defined('MOODLE_INTERNAL') || die();

$string['sitemaintenance'] = 'The site is undergoing maintenance and is currently not available';
