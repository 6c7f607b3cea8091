<?php
// What a script loads that makes backups.

require_once "$CFG->dirroot/backup/backup.class.php";
require_once "$CFG->dirroot/backup/controller/backup_controller.php";
