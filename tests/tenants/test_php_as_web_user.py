"""PHP runs as the web server's user, by sudo."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import pytest

from tenants import php, process
from tests.boot.fleet import make_tree
from tests.patience import AT_ONCE, eventually

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root")
SCRIPT = "admin/cli/x.php"
NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", "-i"]


@pytest.fixture(params=["sudo", "setpriv"])
def by(request, monkeypatch) -> str:
    """Return what changes the user; setpriv is what sudo is where it does not fork."""
    if request.param == "setpriv":
        monkeypatch.setattr(process, "_sudo", lambda: NOBODY)
    elif subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode:
        pytest.skip("sudo does not work here")
    return str(request.param)


@pytest.fixture
def home(by: str, settings) -> Iterator[Path]:
    """Return a directory that everybody may enter; PHP runs as nobody."""
    settings.VMOODLE_WEB_USER = "nobody"
    home = Path(tempfile.mkdtemp(prefix="vmoodle-tests-"))
    home.chmod(0o755)
    settings.VMOODLE_PHP_CACHE_DIR = home / "var/opcache"
    (home / "var").mkdir()
    former = os.umask(0o027)
    yield home
    os.umask(former)
    shutil.rmtree(home)


@pytest.fixture
def run(home: Path):
    """Return a function that runs PHP code as a script of a tree."""
    tree = make_tree(home / "tree")
    script = tree / SCRIPT
    script.parent.mkdir(parents=True)
    for directory in (tree, tree / "admin", script.parent):
        directory.chmod(0o755)
    release = SimpleNamespace(path=str(home / "tree"), php="php")
    site = SimpleNamespace(wwwroot="https://a.example.org", release=release)

    def start(code: str, **how) -> php.Lines:
        script.write_text(f"<?php {code}")
        script.chmod(0o644)
        os.utime(script, (1, 1))  # OPcache keeps no file of the last two seconds
        return php.run(site, SCRIPT, **how)

    return start


def said(steps: php.Lines) -> str:
    return next(line for line in steps if line)


def test_the_user_may_write_the_cache_under_a_strict_umask(run, home: Path):
    assert said(run("echo get_current_user(), posix_getuid();")) == "root65534"

    (cache,) = (home / "var/opcache").iterdir()
    assert cache.name.startswith("nobody@")
    assert cache.stat().st_mode & 0o777 == 0o770
    assert list(cache.rglob("*.bin"))


def test_another_user_s_cache_is_not_used(run, home: Path, settings):
    settings.VMOODLE_WEB_USER = ""
    php.php_options(str(home / "tree"))  # made when there was no such setting
    settings.VMOODLE_WEB_USER = "nobody"

    assert said(run("echo 'runs';")) == "runs"


def test_memory_is_limited_for_that_user_too(run):
    limit = said(run("echo preg_replace('/ +/', ' ', shell_exec('ulimit -v'));"))

    assert int(limit) == process.MEMORY // 1024


def test_what_a_job_left_behind_is_found_and_killed(run):
    steps = run('echo "one\\n"; sleep(60);', job=71)
    assert said(steps) == "one"

    assert process.kill_leftovers(71) == 1

    with pytest.raises(php.PhpError, match="exit code -9"):
        list(steps)


def test_what_a_script_leaves_running_is_killed(run, home: Path):
    (home / "var").chmod(0o777)
    pid = home / "var/pid"

    list(run(f"exec('sleep 600 >&2 & echo $! > {pid}');"))

    child = Path(f"/proc/{int(pid.read_text())}/fd/0")
    eventually(lambda: not child.exists(), seconds=AT_ONCE)


def test_a_script_dies_with_the_process_that_runs_it(run, home: Path, by: str):
    (home / "var").chmod(0o777)
    pid = home / "var/pid"
    code = f"file_put_contents('{pid}', getmypid()); sleep(600);"
    steps = run(code, job=72)
    parent = get_context("fork").Process(target=list, args=(steps,))
    parent.start()
    eventually(lambda: pid.exists() and pid.read_text())

    parent.kill()
    parent.join()

    if by == "sudo":  # which forks, so that the script's parent lives: it is reaped
        assert process.kill_leftovers(72) == 1
    eventually(lambda: not Path(f"/proc/{pid.read_text()}/fd/0").exists())


def test_a_user_that_is_not_there_is_told(run, settings):
    settings.VMOODLE_WEB_USER = "no-such-user"

    with pytest.raises(php.PhpError, match="no-such-user.* VMOODLE_WEB_USER"):
        said(run("echo 1;"))
