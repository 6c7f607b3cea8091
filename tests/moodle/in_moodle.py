"""PHP of a test's own, run inside a site: to prepare it, or to see the outcome."""

import json
import tempfile
from pathlib import Path
from typing import Any

from tenants import php
from tenants.models import Tenant

HEAD = """<?php
define('CLI_SCRIPT', true);
require '%s/config.php';
require_once "$CFG->libdir/filelib.php";
\\core\\session\\manager::set_user(get_admin());
$in = json_decode(stream_get_contents(STDIN), true);
$system = context_system::instance()->id;
$fs = get_file_storage();
echo "\\n\\x1e", json_encode((static function () use ($in, $system, $fs) {
    global $CFG, $DB, $USER;
    %s
})()), "\\n";
"""


def in_moodle(tenant: Tenant, code: str, given: object = None) -> Any:
    """Return what the code returns; it finds `$in`, `$fs` and `$system`."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.php")
        script.write_text(HEAD % (tenant.release.path, code))
        lines = php.run(tenant, script, stdin=json.dumps(given))
        return json.loads([line for line in lines if line][-1].removeprefix("\x1e"))
