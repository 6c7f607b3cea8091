<?php
// The version of this code tree, in the form Moodle gives it.

defined('MOODLE_INTERNAL') || die();

$version  = 2023100900.00;              // YYYYMMDD of the branching date, then increments.
$release  = '4.3 (Build: 20231009)'; // Human-friendly version name.
$branch   = '403';                     // This version's branch.
$maturity = MATURITY_STABLE;             // This version's maturity level.
