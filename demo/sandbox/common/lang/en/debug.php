<?php
defined('MOODLE_INTERNAL') || die();

$string['codingerror'] = 'Coding error detected, it must be fixed by a programmer: {$a}';
