<?php
defined('MOODLE_INTERNAL') || die();

$string['cannotcreatebackup'] = 'The backup cannot be made: {$a} is lost, or cannot be written';
$string['cannotdeletecourse'] = 'The course cannot be deleted';
$string['courseidnumbertaken'] = 'ID number is already used for another course ({$a})';
$string['dmlreadexception'] = 'Error reading from database';
$string['dmlwriteexception'] = 'Error writing to database';
$string['invalidrecord'] = 'There is no such record in the table {$a}';
$string['shortnametaken'] = 'Short name is already used for another course ({$a})';
$string['storedfilecannotcreatefile'] = 'The file {$a} cannot be written';
$string['storedfileproblem'] = '{$a}';
$string['usernameexists'] = 'This username already exists, choose another';
