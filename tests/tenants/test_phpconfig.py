import json
import subprocess
from pathlib import Path

import pytest

from tenants.phpconfig import PhpConfig, parse

# As Moodle's installer writes it, with what people add.
CONFIG = r"""<?php  // Moodle configuration file
unset($CFG);
global $CFG;
$CFG = new stdClass();

$CFG->dbtype    = 'mariadb'; # or mysqli: $CFG->dbtype = 'no';
$CFG->dbhost    = 'localhost';
/* $CFG->dbname = 'commented'; */
$CFG->dbname    = 'mdl_' . "school";
$CFG->dbpass    = 'it\'s; a \\ "pass" $x {';
$CFG->dboptions = array (
  'dbpersist' => 0,
  'dbport' => '3307',
  'dbsocket' => false,
  'nested' => ['a', 2, -1.5, null,],
);
$CFG->dboptions['dbcollation'] = 'utf8mb4_unicode_ci';
$CFG->wwwroot   = "http://a.example.org\tx";
$CFG->dataroot  = __DIR__ . '/../data';
$CFG->directorypermissions = 02777;
$CFG->passwordsaltmain = getenv('SALT');
$CFG->theme = 'boost'; $CFG->theme = pick();
if ($CFG->theme == 'x' && strpos($_SERVER['HTTP_HOST'], 'b') === 0) {
    $CFG->dbhost = 'other';
} else if (true) $CFG->lang = 'fr';
if (isset($_SERVER['X'])):
    $CFG->sslproxy = true;
endif;
$CFG->debug .= 'x';
$CFG->noemailever = TRUE;
$CFG->customfrontpageinclude = "$CFG->dirroot/x.php";
$CFG->banner = <<<HTML
  $CFG->notthis = 'x'; { it's
HTML;
$CFG->last = 1;
require_once(__DIR__ . '/lib/setup.php'); // There is no php closing tag
"""


def test_plain_assignments_are_read_and_others_told():
    found = parse(CONFIG)

    assert found.values == {
        "dbtype": "mariadb",
        "dbname": "mdl_school",
        "dbpass": 'it\'s; a \\ "pass" $x {',
        "dboptions": {
            "dbpersist": 0,
            "dbport": "3307",
            "dbsocket": False,
            "nested": ["a", 2, -1.5, None],
            "dbcollation": "utf8mb4_unicode_ci",
        },
        "wwwroot": "http://a.example.org\tx",
        "directorypermissions": 0o2777,
        "noemailever": True,
        "last": 1,
    }
    lines = {name: why for name, why in found.told.items() if "condition" in why}
    assert set(lines) == {"dbhost", "lang", "sslproxy"}
    computed = {name for name, why in found.told.items() if "computes" in why}
    assert computed == {
        *("dataroot", "passwordsaltmain", "theme", "debug", "banner"),
        "customfrontpageinclude",
    }
    assert found.told["dataroot"] == "line 19 computes it"


def test_what_is_read_is_what_php_says(tmp_path: Path):
    plain = r"""<?php $CFG = new stdClass;
$CFG->a = 'x\\\'y\n'; $CFG->b = "q\"\\\$d\n\t\q"; $CFG->c = 0x1F + 0;
$CFG->d = [1 => 'one', 'k' => [true]]; $CFG->e = 'é' . 'x' . 3;
$CFG->f = -7; $CFG->g = 017; $CFG->h = ['x', 'y'];
"""
    script = tmp_path / "x.php"
    script.write_text(f"{plain} echo json_encode($CFG);")
    argv = ["php", "-n", str(script)]
    said = subprocess.run(argv, capture_output=True, check=True, text=True).stdout

    read = parse(plain).values

    meant = json.loads(said)
    assert meant.pop("c") == 31
    assert "c" not in read  # a sum is computed
    read["d"] = {str(key): value for key, value in read["d"].items()}
    assert read == meant


@pytest.mark.parametrize(
    "text", ["", "<?php", "<?php $CFG->a = ;", "'", "<?php $CFG->a = ["]
)
def test_what_is_no_config_is_read_as_nothing(text: str):
    assert parse(text).values == PhpConfig().values
