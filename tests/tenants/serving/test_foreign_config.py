"""A code tree whose config.php is not ours serves another site: nothing runs there."""

import shutil
from pathlib import Path

import pytest

from tenants import moodledb
from tenants.backup import snapshots
from tenants.models import Release, Tenant
from tenants.serving.adopt import adopt
from tests.conftest import AddTenant, RunOf
from tests.tenants.backup.test_dump import end

FOREIGN = """<?php
global $CFG;
$_SERVER['argv'] = $GLOBALS['argv'] = array_values(preg_grep('/^--host=/', $argv, 1));
putenv('VMOODLE_HOST=https://two.example.org');
$CFG = (require '{boot}/boot.php')(__DIR__);
require_once __DIR__ . '/lib/setup.php';
"""


@pytest.fixture
def two(add_tenant: AddTenant, tenant: Tenant, settings, tmp_path: Path) -> Tenant:
    """Return another tenant, whose tree has a config.php that knows it alone."""
    other = add_tenant("two")
    boot = shutil.copytree(
        settings.VMOODLE_BOOT_DIR, tmp_path / "elsewhere", symlinks=True
    )
    config = Path(other.release.path, "config.php")
    config.write_text(FOREIGN.replace("{boot}", str(boot)))
    return other


@pytest.fixture
def harmful(two: Tenant) -> None:
    """Let scripts leave a trace on the site that they find."""
    for name in ("local/cli/set.php", "admin/cli/purge_caches.php"):
        script = Path(two.release.path, name)
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(
            "<?php define('CLI_SCRIPT', true); require __DIR__ . '/../../config.php';"
            "set_config('theme', 'foreign');"
        )


@pytest.mark.parametrize(
    ("command", "attributes"),
    [
        ("generic/PurgeCaches", ""),
        ("generic/SetConfig", "key=theme&value=foreign"),
        ("system/Script", "script=local/cli/set.php"),
        ("sql/Sql", "sql=UPDATE+{user}+SET+city%3D1&write=1&purge_caches=1"),
        ("lifecycle/Rename", "wwwroot=https://new.example.org"),
        ("lifecycle/Restore", "without_safety=1"),
        ("lifecycle/Move", "data_path=elsewhere"),
    ],
    ids=lambda text: text if "/" in text and "=" not in text else "",
)
def test_a_command_is_not_run_on_another_site(
    finished: RunOf, tenant: Tenant, two: Tenant, harmful, command: str, attributes: str
):
    end(snapshots.take(tenant))
    data = str(Path(tenant.data_path).with_name("elsewhere"))
    attributes = attributes.replace("elsewhere", data)

    job = finished(command, [tenant], attributes).jobs.get()

    assert moodledb.config_of(two, ["theme"]).get("theme") != "foreign"
    assert "close the site" not in job.text()[0]
    assert job.error.endswith(
        f"{tenant.release.path}/config.php does not ask VMoodle which tenant it serves:"
        " run manage.py adopt_release 4.2"
    )


def test_a_link_to_a_script_of_another_tree_is_not_run(
    finished: RunOf, tenant: Tenant, two: Tenant, harmful, tmp_path: Path
):
    tree = Path(tenant.release.path)
    other = tree.rename(tmp_path / "other")
    tree.mkdir()
    adopt(tenant.release)
    (tree / "local").symlink_to(other / "local")
    for file in (tmp_path / "elsewhere").glob("@*.php"):  # what that tree serves
        file.write_text(file.read_text().replace(str(tree), str(other)))

    job = finished("system/Script", [tenant], "script=local/cli/set.php").jobs.get()

    assert moodledb.config_of(two, ["theme"]).get("theme") != "foreign"
    assert job.error == (
        f"{tree}/local/cli/set.php leads to {other}/local/cli/set.php, where it would "
        "serve another tree's sites: put the script itself there"
    )


def test_no_site_is_closed_to_be_pinned_to_such_a_tree(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release]
):
    config = Path(releases["4.3"].path, "config.php")
    config.unlink()

    job = finished("upgrade/Upgrade", [tenant], "to_release=4.3").jobs.get()

    assert job.error.startswith(f"{config} does not ask VMoodle which tenant it serves")
    assert "== close site" not in job.text()[0]


def test_a_tree_that_is_gone_is_told_as_that(
    finished: RunOf, tenant: Tenant, tmp_path: Path
):
    Path(tenant.release.path).rename(tmp_path / "moved")

    job = finished("generic/PurgeCaches", [tenant]).jobs.get()

    assert job.error == f"{tenant.release.path} is missing: check the path of 4.2"
