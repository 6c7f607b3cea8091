"""Copies of data directories, on a real file system."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tenants.backup import content
from tenants.files import FilesError
from tests.steps import end

NAMES = ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "f" * 40)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data directory with something of everything."""
    root = tmp_path / "data" / "one"
    for name in NAMES:
        path = root / "filedir" / name[:2] / name[2:4] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    for path in ("lang/fr/a.php", "secret/key", "cache/x", "muc/config.php", "temp/y"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    (root / "climaintenance.html").write_text("closed")
    return root


def listed(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


POOL = [f"filedir/{name[:2]}/{name[2:4]}/{name}" for name in NAMES]


def test_a_copy_shares_the_pool_and_leaves_caches_out(data: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    copy.mkdir()

    end(content.keep_pool(data, copy, None))
    content.keep_rest(data, copy)

    assert listed(copy) == sorted([*POOL, "lang/fr/a.php", "secret/key"])
    assert (copy / POOL[0]).samefile(data / POOL[0])
    assert not (copy / "lang/fr/a.php").samefile(data / "lang/fr/a.php")
    assert content.pool_size(copy) == (2, 0)
    assert sorted(content.digests(copy)) == ["lang/fr/a.php", "secret/key"]


def test_on_another_file_system_the_former_copy_is_shared(
    data: Path, tmp_path: Path, small_disk: Path
):
    (data / POOL[1]).write_text("new")
    first, second = small_disk / "1", small_disk / "2"

    end(content.keep_pool(data, first, None))
    (data / POOL[1]).write_text("other")
    end(content.keep_pool(data, second, first))

    assert (second / POOL[0]).samefile(first / POOL[0])
    assert (first / POOL[1]).read_text() == "new"
    assert (second / POOL[1]).read_text() == "other"


def test_a_full_disk_is_told_of(data: Path, small_disk: Path):
    (data / POOL[1]).write_bytes(os.urandom(3_000_000))

    with pytest.raises(FilesError, match="no space left on device"):
        end(content.keep_pool(data, small_disk / "copy", None))


def test_a_second_look_adds_what_is_new(data: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    end(content.keep_pool(data, copy, None))
    late = data / "filedir/aa/bb" / ("a" * 40)
    late.parent.mkdir(parents=True)
    late.write_text("late")
    (late.parent / f"{late.name}.tmp").write_text("half")

    end(content.keep_pool(data, copy, None))

    assert listed(copy) == sorted([*POOL, f"filedir/aa/bb/{late.name}"])


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_the_web_server_s_user_may_read_a_kept_pool(data, settings, monkeypatch):
    settings.VMOODLE_WEB_USER, settings.VMOODLE_WEB_GROUP = "nobody", ""
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    home = Path(tempfile.mkdtemp(prefix="vmoodle-tests-"))
    home.chmod(0o755)
    former = os.umask(0o027)  # as in our services
    try:
        (home / "copy").mkdir()
        content.share(home / "copy", writable=False)
        end(content.keep_pool(data, home / "copy", None))

        listing = [*nobody, "find", str(home / "copy"), "-type", "f"]
        found = subprocess.run(listing, capture_output=True, check=False)
    finally:
        os.umask(former)
        shutil.rmtree(home)

    assert found.stderr == b""
    assert len(found.stdout.splitlines()) == len(POOL)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_digests_are_told_where_the_owner_may_not_be(settings, monkeypatch, tmp_path):
    settings.VMOODLE_WEB_USER = "nobody"
    home = Path(tempfile.mkdtemp(prefix="vmoodle-tests-"))
    home.chmod(0o755)
    (home / "file").write_text("x")
    (tmp_path / "root").mkdir(0o700)
    monkeypatch.chdir(tmp_path / "root")  # as root's home, from which sudo is typed
    try:
        assert list(content.digests(home)) == ["file"]
    finally:
        shutil.rmtree(home)


def test_what_does_not_fit_its_name_is_found(data: Path):
    assert end(content.spoiled(data)) == [NAMES[1]]


def test_a_directory_is_laid_out_from_a_copy(data: Path, tmp_path: Path):
    target = tmp_path / "data" / "two"

    content.lay_out(target, "vmoodle create 1", data)

    assert (target / POOL[0]).samefile(data / POOL[0])
    assert (target / "secret/key").read_text() == "secret/key"
    assert content.mark_of(target) == "vmoodle create 1"
    assert target.stat().st_mode & 0o7777 == 0o2770


def test_only_what_bears_the_mark_is_removed(data: Path, tmp_path: Path):
    other = tmp_path / "data" / "two"
    content.lay_out(other, "mine")

    for path in (data, other):
        content.remove(path, "another's")
    content.remove(other, "mine")
    content.remove(other, "mine")

    assert data.is_dir()
    assert not other.exists()


def test_a_directory_of_which_only_the_name_was_made_is_removed(tmp_path: Path):
    (tmp_path / "data/two").mkdir(parents=True)

    content.remove(tmp_path / "data/two", "mine")

    assert not (tmp_path / "data/two").exists()


@pytest.mark.parametrize("path", ["/", "/etc", "{root}", "{root}/../x", "{root}/link"])
def test_nothing_outside_of_the_data_root_is_removed(
    path: str, tmp_path: Path, settings
):
    root = tmp_path / "data"
    (root / "one").mkdir(parents=True)
    (tmp_path / "x").mkdir()
    (root / "link").symlink_to(tmp_path / "x")

    with pytest.raises(FilesError, match="is not below .*VMOODLE_DATA_ROOT"):
        content.remove_for_good(Path(path.format(root=root)))

    assert (tmp_path / "x").is_dir()
    content.remove_for_good(root / "one")
    assert not (root / "one").exists()


def test_the_data_root_is_made_for_the_web_server_s_user(tmp_path: Path, settings):
    settings.VMOODLE_WEB_USER = settings.VMOODLE_WEB_GROUP = ""
    content._make_root(tmp_path / "none")  # who runs the jobs makes it as it is needed
    assert not (tmp_path / "none").exists()

    settings.VMOODLE_WEB_USER = pwd.getpwuid(os.geteuid()).pw_name
    content._make_root(tmp_path / "new/data")
    content._make_root(Path("/proc/version/data"))  # that user is told why not

    made = (tmp_path / "new/data").stat()
    assert made.st_mode & 0o7777 == 0o2770
    assert made.st_gid == pwd.getpwuid(os.geteuid()).pw_gid
