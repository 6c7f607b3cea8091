<?php
// The version of this code tree, in the form Moodle gives it.

defined('MOODLE_INTERNAL') || die();

$version  = 2023042400.00;              // YYYYMMDD of the branching date, then increments.
$release  = '4.2 (Build: 20230424)'; // Human-friendly version name.
$branch   = '402';                     // This version's branch.
$maturity = MATURITY_STABLE;             // This version's maturity level.
