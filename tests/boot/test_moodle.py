"""boot.php under real Moodle trees: their own scripts accept --host unchanged."""

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from tenants.php import php_options
from tenants.serving import subpath
from tests.boot.fleet import make_tree, published, run_cli
from tests.moodle.fleet import copy_tree, moodle_trees, near

TREES = [tree / "version.php" for tree in moodle_trees()]
A = "https://a.example.org"

pytestmark = [
    pytest.mark.moodle,
    pytest.mark.slow,
    pytest.mark.skipif(not TREES, reason="no Moodle in MOODLE_DIRS or /opt/moodle"),
]


@pytest.fixture(params=TREES, ids=lambda path: path.parent.name)
def moodle(
    request: pytest.FixtureRequest, shared: Path, tmp_path: Path, directories: None
) -> Path:
    """Return a copy of a release, adopted, with one tenant that has no database."""
    tree = tmp_path / "moodle"
    copy_tree(near(request.param.parent, shared), tree)
    (tree / "config.php").unlink(missing_ok=True)  # never write through a link
    shutil.copy(make_tree(tmp_path / "fake") / "config.php", tree)
    (tmp_path / "data").mkdir()
    server = SimpleNamespace(host="", port=1, socket=str(tmp_path / "no.sock"))
    published(
        A,
        tree,
        data_path=str(tmp_path / "data"),
        server=server,
        forced_settings={"alternative_component_cache": str(tmp_path / "made")},
    )
    return tree


def test_a_script_without_database_runs(moodle: Path, tmp_path: Path):
    script = "admin/cli/alternative_component_cache.php"

    done = run_cli(moodle, f"--host={A}", "--rebuild", script=script)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "core_component" in (tmp_path / "made").read_text()

    assert run_cli(moodle, script=script).returncode == 78


def test_every_script_of_core_leaves_the_choice_to_us(moodle: Path):
    """Without database a script either shows its help or fails to connect."""
    scripts = [
        path.relative_to(moodle)
        for path in sorted(moodle.glob("**/cli/*.php"))
        if not {"phpunit", "behat", "vendor", "tests"} & set(path.parts)
    ]
    assert len(scripts) > 40
    cached = php_options(str(moodle))  # all of them include the same files
    for script in scripts:
        if "config.php" not in (moodle / script).read_text():
            continue
        done = run_cli(moodle, f"--host={A}", "--help", script=str(script), php=cached)
        said = done.stdout + done.stderr
        assert "nrecognised" not in said and "nrecognized" not in said, script
        assert "VMoodle" not in said, script
        assert done.returncode != 78, script


def test_it_has_the_directories_that_no_sub_path_is_named_as(moodle: Path):
    root = subpath.root_of(str(moodle))

    assert [name for name in subpath.OF_MOODLE if not (root / name).is_dir()] == []


def test_moodle_reads_our_configuration(moodle: Path):
    code = (
        "define('CLI_SCRIPT', true); define('ABORT_AFTER_CONFIG', true);"
        f"require '{moodle}/config.php';"
        "echo $CFG->wwwroot, ' ', $CFG->dirroot, ' ', $CFG->lock_factory ?? '-';"
    )
    done = subprocess.run(
        ["php", "-d", "display_errors=1", "-r", code, "--", f"--host={A}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.startswith(f"{A} {moodle} "), done.stdout + done.stderr
