<?php
// What a script loads that restores backups.

require_once "$CFG->dirroot/user/lib.php";
require_once "$CFG->dirroot/backup/backup.class.php";
require_once "$CFG->dirroot/backup/controller/restore_controller.php";
require_once "$CFG->dirroot/backup/util/mbz_packer.php";
