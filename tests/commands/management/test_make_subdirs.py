import shutil
import subprocess
from pathlib import Path

import pytest

from tests.commands.conftest import Manage

ONE = "https://a.example.org/one"


@pytest.fixture(autouse=True)
def mode(settings) -> None:
    settings.VMOODLE_USE_SUBPATH = settings.VMOODLE_SUBPATH_LINKS = True


def test_make_subdirs_mends_all_links(manage: Manage, add_tenant, settings):
    one = add_tenant("one", install=False, wwwroot=ONE)
    add_tenant("two", install=False, wwwroot=f"{ONE[:-3]}two", enabled=False)
    tree = Path(one.release.path)
    (tree / "one").unlink()
    (tree / "old").symlink_to(".")

    checked = manage("make_subdirs", "--check")
    assert checked.code == 1
    assert f"Differs: {tree} has no link one\n" in checked.out
    assert f"{tree} has no link one: run make_subdirs" in manage("generateconfigs").err
    assert manage("make_subdirs").out.endswith("2 changes\n")
    assert (tree / "one").is_symlink() and not (tree / "old").is_symlink()
    assert "the link two belongs" in manage("make_subdirs", "--enabled").out
    assert not (tree / "two").is_symlink()

    settings.VMOODLE_SUBPATH_LINKS = False
    assert "set VMOODLE_SUBPATH_LINKS=true" in manage("make_subdirs").err


def test_sudo_gets_lines_that_allow_these_links_alone(manage: Manage, releases):
    said = manage("make_subdirs", "--sudoers").out

    tree = releases["4.2"].path.replace(".", r"\.")
    assert f"NOPASSWD: /usr/bin/ln ^-s -T -- \\. {tree}/[a-z0-9][a-z0-9_-]" in said
    assert f"NOPASSWD: /usr/bin/find ^{tree} -maxdepth 1 -type l -lname" in said
    if visudo := shutil.which("visudo"):
        subprocess.run([visudo, "-cf", "-"], input=said, text=True, check=True)
