"""Tenants without a registry, and a code tree that shows its $CFG."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from tenants.serving.boot import php_literal
from tenants.serving.publish import boot_file, publish
from tenants.wwwroot import site_key

SHOW = """<?php
// What Moodle would find, and what the stage left behind.
$names = array_keys(get_defined_vars());
header('Content-Type: application/json');
echo json_encode([
    'cfg' => $CFG,
    'globals' => array_values(array_diff($names, [
        '_GET', '_POST', '_COOKIE', '_FILES', '_SERVER', '_ENV', '_REQUEST',
        'argv', 'argc',
    ])),
    'argv' => $argv ?? null,
    'argc' => $argc ?? null,
    'server_argv' => $_SERVER['argv'] ?? null,
    'server_argc' => $_SERVER['argc'] ?? null,
    'inherited' => trim((string) shell_exec('printenv VMOODLE_HOST')),
    'error' => error_get_last(),
]);
"""


def make_tree(tree: Path, *, public: bool = False) -> Path:
    """Make a code tree as `adopt` leaves it."""
    code = tree / "public" if public else tree
    for name in ("lib", "login"):
        (code / name).mkdir(parents=True)
    (code / "lib/setup.php").write_text(SHOW)
    (code / "version.php").write_text(
        "<?php\n$version = 2023100900.00;\n"
        "$release = '4.3 (Build)';\n$branch = '403';\n"
    )
    page = "<?php\nrequire_once __DIR__ . '{}/config.php';\n"
    (code / "index.php").write_text(page.format("/.." if public else ""))
    (code / "login/index.php").write_text(page.format("/../.." if public else "/.."))
    setup = "/public/lib/setup.php" if public else "/lib/setup.php"
    (tree / "config.php").write_text(
        "<?php\nglobal $CFG;\n"
        f"$CFG = (require {php_literal(str(boot_file('boot')))})(__DIR__);\n"
        f"require_once __DIR__ . '{setup}';\n"
    )
    return tree


def make_tenant(wwwroot: str, tree: Path, **values: object) -> SimpleNamespace:
    """Return what publish needs of a tenant, not saved anywhere."""
    release = SimpleNamespace(path=str(tree), php="php", forced_settings={})
    server = SimpleNamespace(host="db.example.org", port=3307, socket="")
    tenant = SimpleNamespace(
        wwwroot=wwwroot,
        key=site_key(wwwroot),
        enabled=True,
        former="",
        release=release,
        server=server,
        db_type="mariadb",
        db_name="moodle_one",
        db_user="one",
        db_password="it's \\ a secret",
        db_prefix="mdl_",
        db_persist=False,
        shortname="one",
        data_path="/srv/data/one",
        forced_settings={},
    )
    vars(tenant).update(values)
    return tenant


def published(wwwroot: str, tree: Path, **values: object) -> SimpleNamespace:
    tenant = make_tenant(wwwroot, tree, **values)
    publish(tenant)
    return tenant


def run_cli(
    tree: Path,
    *options: str,
    script: str = "index.php",
    php: Sequence[str] = (),
    **environment: str,
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["php", "-d", "display_errors=1", *php, str(tree / script), *options],
        env={"PATH": os.environ["PATH"], **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
