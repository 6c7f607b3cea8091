<?php
// What operations inside Moodle load first. The sandbox has none of the functions they
// call, and says so.

fwrite(STDERR, "The sandbox is no Moodle: this command needs Moodle's own functions, try it on a real one\n");
exit(1);
