"""The files that publish writes, and what is left when something goes wrong."""

import gc
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tenants.serving import publish
from tenants.serving.publish import PublishError, boot_file, site_link
from tests.boot.fleet import make_tenant, make_tree
from tests.conftest import ROOT

URL = "https://a.example.org"
KEY = "a.example.org"


@pytest.fixture(autouse=True)
def directories(settings, tmp_path: Path) -> None:
    settings.VMOODLE_BOOT_DIR = tmp_path / "boot"
    settings.VMOODLE_SITES_DIR = tmp_path / "sites"


@pytest.fixture
def tree(tmp_path: Path, directories: None) -> Path:
    return make_tree(tmp_path / "4.3")


@pytest.fixture
def tenant(tree: Path) -> SimpleNamespace:
    return make_tenant(URL, tree)


def contents(*directories: Path) -> dict[str, object]:
    """Return all that stands in the directories: links as such, files as bytes."""
    return {
        str(path): path.readlink() if path.is_symlink() else path.read_bytes()
        for directory in directories
        for path in sorted(directory.iterdir())
    }


def everything(tmp_path: Path) -> dict[str, object]:
    return contents(tmp_path / "boot", tmp_path / "sites")


def test_a_tenant_gets_a_boot_file_and_a_link(tenant, tree: Path, tmp_path: Path):
    publish.publish(tenant)

    assert boot_file(KEY).read_text().startswith("<?php\nreturn ['wwwroot'=>")
    assert site_link(KEY).readlink() == tree
    assert (tmp_path / "boot/boot.php").read_bytes() == publish.BOOT.read_bytes()


def test_only_the_owner_and_the_web_group_may_read(tenant, tmp_path: Path):
    before = os.umask(0o077)
    try:
        publish.publish(tenant)
    finally:
        os.umask(before)

    assert (tmp_path / "boot").stat().st_mode & 0o7777 == 0o750
    assert (tmp_path / "sites").stat().st_mode & 0o7777 == 0o755
    for path in (tmp_path / "boot").iterdir():
        assert path.stat().st_mode & 0o7777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_files_belong_to_the_web_servers_group(tenant, settings, tmp_path: Path):
    settings.VMOODLE_WEB_GROUP = "daemon"

    publish.publish(tenant)

    assert (tmp_path / "boot").group() == "daemon"
    assert {path.group() for path in (tmp_path / "boot").iterdir()} == {"daemon"}


def test_an_unknown_web_group_is_one_sentence(tenant, settings):
    settings.VMOODLE_WEB_GROUP = "no-such-group"

    with pytest.raises(PublishError, match="VMOODLE_WEB_GROUP: .* no-such-group"):
        publish.publish(tenant)


def test_publishing_again_leaves_one_file_a_tenant(tenant, tmp_path: Path):
    for number in range(3):
        tenant.db_name = f"moodle_{number}"
        publish.publish(tenant)

    assert b"moodle_2" in boot_file(KEY).read_bytes()
    assert len(list((tmp_path / "boot").iterdir())) == 1 + 2
    assert not list((tmp_path / "boot").glob(".*"))


def written(directory: Path) -> dict[str, tuple[int, int]]:
    """Return which files there are, and when each was written: to read changes none."""
    found = {path.name: path.lstat() for path in directory.iterdir()}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


def test_publishing_the_same_again_writes_nothing(tenant, tmp_path: Path):
    publish.publish(tenant)
    before = written(tmp_path / "boot")

    publish.publish(tenant)

    assert written(tmp_path / "boot") == before


def test_unpublish_removes_both_and_may_be_repeated(tenant, tmp_path: Path):
    publish.publish(tenant)
    publish.unpublish(KEY)
    publish.unpublish(KEY)

    assert not list((tmp_path / "sites").iterdir())
    assert not [p for p in (tmp_path / "boot").iterdir() if "moodle_one" in str(p)]
    assert [path.name for path in (tmp_path / "boot").iterdir()] == ["boot.php"]


def test_our_own_file_is_no_tenant(tenant, tree: Path, tmp_path: Path):
    publish.publish(tenant)
    before = everything(tmp_path)

    with pytest.raises(PublishError, match="'boot' is a name"):
        publish.publish(make_tenant("http://boot", tree))
    publish.unpublish("boot")

    assert everything(tmp_path) == before


STEPS = ["open", "fsync", "chmod", "symlink", "replace"]


@pytest.mark.parametrize("broken", STEPS)
@pytest.mark.parametrize("first", [True, False], ids=["first", "again"])
def test_a_failure_at_any_step_changes_nothing(
    tenant, tmp_path: Path, monkeypatch, broken: str, first: bool
):
    """Fail the n-th call of each system call, for every n, until it gets through."""
    publish.publish(tenant)
    if first:
        publish.unpublish(KEY)
    before = everything(tmp_path)
    tenant.db_name = "changed"
    tenant.release.path = str(make_tree(tmp_path / "4.4"))

    for failing in range(20):
        with monkeypatch.context() as patch:
            _break(patch, broken, failing)
            try:
                publish.publish(tenant)
            except PublishError as error:
                assert "No space left" in str(error)
            else:
                break
        assert everything(tmp_path) == before

    assert failing > 0
    assert b"changed" in boot_file(KEY).read_bytes()
    assert site_link(KEY).readlink() == tmp_path / "4.4"


def _break(patch: pytest.MonkeyPatch, name: str, failing: int) -> None:
    real, calls = getattr(os, name), iter(range(1000))

    def call(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == failing:
            raise OSError(28, "No space left on device", "somewhere")
        return real(*args, **kwargs)

    patch.setattr(os, name, call)


def test_a_crash_leaves_the_former_file_whole(tenant, tmp_path: Path, settings):
    """Kill publishers at random; what stands there is always one of two states."""
    settings.VMOODLE_UPGRADE_KEY = "key"
    publish.publish(tenant)
    code = (
        "import sys, json, itertools, types; from django.conf import settings\n"
        "settings.configure(SECRET_KEY='x', VMOODLE_BOOT_DIR=sys.argv[1],"
        " VMOODLE_SITES_DIR=sys.argv[2], VMOODLE_WEB_GROUP='',"
        " VMOODLE_UPGRADE_KEY='key', VMOODLE_SUBPATH_LINKS=False,"
        " VMOODLE_TRUSTED_PROXIES=[], VMOODLE_FORCED_SETTINGS={})\n"
        "from tests.boot.fleet import make_tenant\n"
        "from tenants.serving.publish import publish\n"
        "print('ready', flush=True)\n"
        "for n in itertools.count():\n"
        f"    publish(make_tenant('{URL}', sys.argv[3], db_name='x' * (n % 2)))\n"
    )
    argv = [str(tmp_path / name) for name in ("boot", "sites", "4.3")]
    allowed = {
        publish.boot_text(make_tenant(URL, tmp_path / "4.3", db_name=name))
        for name in ("", "x", "moodle_one")
    }
    for delay in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", code, *argv],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        with process:
            assert process.stdout and process.stdout.readline() == b"ready\n"
            time.sleep(0.01 + delay / 300)
            assert process.poll() is None
            process.kill()
        assert boot_file(KEY).read_text() in allowed
        assert site_link(KEY).readlink() == tmp_path / "4.3"
    publish.publish(tenant)
    long_ago = time.time() - 2 * publish.ABANDONED
    for path in [*(tmp_path / "boot").iterdir(), *(tmp_path / "sites").iterdir()]:
        os.utime(path, (long_ago, long_ago), follow_symlinks=False)
    publish.rebuild([tenant])

    assert len(list((tmp_path / "boot").iterdir())) == 1 + 2
    assert publish.rebuild([tenant], check=True) == []


def test_a_directory_in_the_way_is_one_sentence(tenant, tmp_path: Path):
    (tmp_path / "sites" / KEY).mkdir(parents=True)

    with pytest.raises(PublishError, match=f"{URL} cannot be published: .*directory"):
        publish.publish(tenant)

    assert not boot_file(KEY).is_symlink()


def test_rebuild_mends_everything(tenant, tree: Path, tmp_path: Path):
    other = make_tenant("https://b.example.org:8443/x", tree, shortname="b")
    for one in (tenant, other):
        publish.publish(one)
    whole = everything(tmp_path)
    boot_file(KEY).resolve().write_text("<?php return [];")
    boot_file(other.key).unlink()
    site_link(KEY).unlink()
    site_link(KEY).symlink_to("/nowhere")
    site_link("gone.example.org").symlink_to(tree)
    boot_file("gone.example.org").symlink_to("@gone.php")
    boot_file("boot").write_text("<?php // old")
    boot_file("_fleet").symlink_to("@fleet.php")  # of a former version
    (tmp_path / "boot").chmod(0o777)

    said = publish.rebuild([tenant, other])

    assert everything(tmp_path) == whole
    assert (tmp_path / "boot").stat().st_mode & 0o777 == 0o750
    assert len(said) == 8
    assert publish.rebuild([tenant, other]) == []


def test_check_changes_nothing(tenant, tmp_path: Path):
    assert len(publish.rebuild([tenant], check=True)) == 4
    assert not (tmp_path / "boot").exists()

    publish.rebuild([tenant])
    before = everything(tmp_path)
    tenant.enabled = False

    assert len(publish.rebuild([tenant], check=True)) == 2
    assert everything(tmp_path) == before


def test_one_tenant_does_not_change_what_reads_the_others(tenant, tmp_path: Path):
    publish.publish(tenant)
    boot_file("boot").write_text("<?php // a former version's")
    before = everything(tmp_path)

    with pytest.raises(PublishError, match=r"boot.php is another .* generateconfigs"):
        publish.publish(tenant)

    assert everything(tmp_path) == before
    publish.rebuild([tenant])
    publish.publish(tenant)


def test_rebuild_leaves_what_is_not_ours(tenant, tmp_path: Path):
    publish.publish(tenant)
    (tmp_path / "boot/README").touch()
    (tmp_path / "sites/static").mkdir()
    (tmp_path / "sites/.new-1-writing").symlink_to("/")

    assert publish.rebuild([tenant]) == []


def test_a_tenant_that_cannot_be_published_keeps_its_files(tenant, tree: Path):
    publish.publish(tenant)
    before = boot_file(KEY).read_text()
    tenant.db_name, tenant.forced_settings = "new", {"dbname": "x"}
    other = make_tenant("https://b.example.org", tree, shortname="b")

    publish.rebuild([tenant, other])

    assert boot_file(KEY).read_text() == before
    assert boot_file(other.key).is_file()
    assert [URL in sentence for sentence in publish.verify([tenant, other])] == [True]


def test_verify_has_php_read_every_file(tenant, tree: Path):
    other = make_tenant(
        "https://b.example.org", tree, db_password="\0'\\é", shortname="b"
    )
    tenant.forced_settings = {"1": {"": [None, 1.0, 1e30, {}]}, "0": "x"}
    publish.rebuild([tenant, other])
    assert publish.verify([tenant, other]) == []

    boot_file(KEY).resolve().write_text("<?php retrun;")

    assert publish.verify([tenant, other]) == [
        f"{boot_file(KEY)}: PHP reads other values than were meant"
    ]


def test_verify_names_a_release_that_is_gone(tenant, tmp_path: Path):
    tenant.release.path = str(tmp_path / "gone")
    publish.publish(tenant)

    assert publish.verify([tenant]) == [f"{URL}: {tmp_path}/gone is missing"]


@pytest.mark.slow
def test_ten_thousand_tenants_take_ten_seconds(tree: Path):
    tenants = [
        make_tenant(f"https://t{n}.example.org", tree, shortname=f"t{n}")
        for n in range(10_000)
    ]
    # Of the processor: other tests run beside it. bench/publish.py takes wall time.
    begun = time.process_time()
    publish.rebuild(tenants)
    rebuilt = time.process_time() - begun
    tenants[0].enabled = False
    gc.collect()  # of all that the tests hold: not within what is measured
    begun = time.process_time()
    publish.publish(tenants[0])
    published = time.process_time() - begun

    assert rebuilt < 10
    assert published < 0.02
