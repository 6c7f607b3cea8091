import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tenants import php, process
from tests.boot.fleet import make_tree
from tests.conftest import ROOT
from tests.patience import AT_ONCE, eventually

SCRIPT = "admin/cli/x.php"


@pytest.fixture
def site(tmp_path: Path) -> SimpleNamespace:
    """Return what php needs of a tenant."""
    make_tree(tmp_path / "tree")
    (tmp_path / "tree/admin/cli").mkdir(parents=True)
    release = SimpleNamespace(path=str(tmp_path / "tree"), php="php")
    return SimpleNamespace(wwwroot="https://a.example.org", release=release)


@pytest.fixture
def run(site):
    """Return a function that runs PHP code as a script of the tree."""

    def start(code: str, *options: str, **how):
        Path(site.release.path, SCRIPT).write_text(f"<?php {code}")
        return php.run(site, SCRIPT, options, **how)

    return start


def lines(found: php.Lines) -> list[str]:
    return [line for line in found if line is not None]


def read(path: Path) -> str:
    """Return what a script has written there, nothing as long as it has not."""
    return path.read_text() if path.exists() else ""


def test_a_script_gets_the_tenant_and_its_options(run):
    found = lines(run("echo json_encode(array_slice($argv, 1));", "--name=a b;c", "-x"))

    assert found == ['["--host=https:\\/\\/a.example.org","--name=a b;c","-x"]']


def test_lines_come_while_the_script_goes_on(run):
    found = run('echo "one\\n"; sleep(30);')

    assert next(line for line in found if line) == "one"
    found.close()


def test_a_silent_script_shows_that_it_lives(run):
    found = run("usleep(1200000); echo 'end';")

    assert next(found) is None
    assert lines(found) == ["end"]


def test_both_streams_come_in_one(run):
    found = lines(run('fwrite(STDERR, "bad\\n"); echo "good\\n";'))

    assert sorted(found) == ["bad", "good"]


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("a\\r\\nb", ["a", "b"]),
        ("\\xff", ["\N{REPLACEMENT CHARACTER}"]),
        ("é\\n\\n", ["é", ""]),
    ],
    ids=["carriage returns", "no UTF-8", "an empty line"],
)
def test_output_is_text(run, printed, found):
    assert lines(run(f'echo "{printed}";')) == found


def test_a_huge_line_is_kept_whole(run):
    [line] = lines(run("echo str_repeat('x', 3000000);"))

    assert len(line) == 3_000_000


def test_a_line_without_end_is_cut(run, monkeypatch):
    monkeypatch.setattr(process, "LONGEST", 100_000)

    found = lines(run("echo str_repeat('x', 1000000), \"\\nend\";"))

    assert sum(map(len, found[:-1])) == 1_000_000
    assert max(map(len, found)) < 100_000 + 65536
    assert found[-1] == "end"


def test_dots_of_progress_show_that_it_lives(run):
    found = run("for ($i = 0; $i < 9; $i++) { echo '.'; usleep(100000); }")

    *signs, line = found

    assert line == "........."
    assert len(signs) >= 4
    assert not any(signs)


def test_what_is_printed_while_nobody_looks_is_not_lost(run, monkeypatch):
    monkeypatch.setattr(subprocess.Popen, "poll", subprocess.Popen.wait)

    assert lines(run("usleep(700000); echo 'the reason';")) == ["the reason"]


def test_what_a_script_leaves_running_is_not_waited_for(run, tmp_path):
    before = time.monotonic()

    found = lines(run(f"exec('sleep 600 >&2 & echo $! > {tmp_path}/pid'); echo 'end';"))

    assert found == ["end"]
    assert time.monotonic() - before < 60
    child = Path(f"/proc/{int((tmp_path / 'pid').read_text())}")
    eventually(lambda: not child.exists())


def test_an_exit_code_that_is_not_accepted_fails_with_the_last_lines(run):
    with pytest.raises(php.PhpError) as caught:
        lines(run('echo "first\\nthe reason\\n"; exit(3);'))

    assert caught.value.exit_code == 3
    assert str(caught.value) == (
        "admin/cli/x.php ended with exit code 3: first / the reason"
    )


def test_the_last_lines_are_the_message_not_the_frames_below_it(run):
    frames = "* line 12 of /lib/dml.php: call to x()\\n" * 9

    with pytest.raises(php.PhpError, match="code 1: !!! Error reading !!!$"):
        lines(run(f'echo "!!! Error reading !!!\\n{frames}"; exit(1);'))


def test_an_accepted_exit_code_is_returned(run):
    found = run("exit(2);", accept=(0, 2))

    with pytest.raises(StopIteration) as end:
        while True:
            next(found)

    assert end.value.value == 2


def test_a_prompt_gets_no_answer(run):
    assert lines(run("var_dump(fgets(STDIN));")) == ["bool(false)"]


def test_the_environment_is_clean(run, monkeypatch):
    monkeypatch.setenv("HTTP_HOST", "elsewhere")
    monkeypatch.setenv("REMOTE_ADDR", "10.0.0.1")

    [found] = lines(run("echo implode(' ', array_keys(getenv()));", job=7))

    assert set(found.split()) == {"PATH", "LANG", "OPENSSL_CONF", "VMOODLE_JOB"}


def test_the_trace_of_an_error_tells_no_password(run, site, tmp_path):
    program = tmp_path / "php-as-it-comes"
    program.write_text('#!/bin/sh\nexec php -n "$@"\n')
    program.chmod(0o755)
    site.release.php = str(program)
    found = lines(
        run(
            "function log_in($with) { throw new Exception('no'); }"
            "try { log_in('hunter2'); } catch (Exception $error) { echo $error; }"
        )
    )

    assert any("log_in" in line for line in found)
    assert not any("hunter2" in line for line in found)


def test_a_script_may_not_eat_all_memory(run, monkeypatch):
    monkeypatch.setattr(process, "MEMORY", 512 * 1024**2)

    with pytest.raises(php.PhpError):
        lines(run("ini_set('memory_limit', -1); $a = str_repeat('x', 1 << 30);"))


def test_a_script_that_takes_too_long_is_killed_with_its_children(
    run, tmp_path, monkeypatch
):
    code = f"exec('sleep 600 & echo $! > {tmp_path}/pid'); sleep(600);"
    found = run(code, timeout=300)
    eventually(lambda: next(found) or read(tmp_path / "pid"))
    later = time.monotonic() + 301

    with (
        monkeypatch.context() as clock,
        pytest.raises(php.PhpError, match="ran out of time"),
    ):
        clock.setattr(time, "monotonic", lambda: later)
        lines(found)

    child = int(read(tmp_path / "pid"))
    eventually(lambda: not Path(f"/proc/{child}").exists())


def test_the_line_at_which_a_script_got_stuck_is_told(run):
    found: list[str | None] = []

    with pytest.raises(php.PhpError, match="ran out of time"):
        found.extend(run("echo 'waiting for the lock'; sleep(60);", timeout=1))

    # `extend` keeps what came before the error.
    assert found[-1] == "waiting for the lock"


def test_a_script_that_closes_its_output_has_a_deadline_too(run):
    found = run("fclose(STDOUT); fclose(STDERR); sleep(60);", timeout=1)

    assert next(found) is None
    with pytest.raises(php.PhpError, match="ran out of time"):
        lines(found)


def test_closing_kills_the_script(run, tmp_path):
    found = run(f"file_put_contents('{tmp_path}/pid', getmypid()); sleep(60);")
    eventually(lambda: next(found) or read(tmp_path / "pid"))

    found.close()

    assert not Path(f"/proc/{read(tmp_path / 'pid')}").exists()


@pytest.mark.parametrize(
    "call", [f"list(php.run(site, {SCRIPT!r}))", "php.feed('php', script, [])"]
)
def test_a_script_and_its_children_die_with_the_process_that_runs_it(
    site, tmp_path, settings, call
):
    code = (
        "<?php $child = proc_open(['sleep', '600'], [], $pipes);"
        " $pids = getmypid() . ' ' . proc_get_status($child)['pid'];"
        f" file_put_contents('{tmp_path}/pid', $pids); sleep(600);"
    )
    Path(site.release.path, SCRIPT).write_text(code)
    program = (
        "import django; django.setup(); from types import SimpleNamespace as N\n"
        "from pathlib import Path; from tenants import php\n"
        f"site = N(wwwroot='x', release=N(path={site.release.path!r}, php='php'))\n"
        f"script = Path(site.release.path, {SCRIPT!r})\n"
        f"{call}\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "VMOODLE_BOOT_DIR": str(settings.VMOODLE_BOOT_DIR),
        },
        cwd=ROOT,
    )
    pid = tmp_path / "pid"
    eventually(lambda: read(pid))

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    for number in read(pid).split():
        there = Path(f"/proc/{number}/fd/0")
        eventually(lambda there=there: not there.exists(), seconds=AT_ONCE)


def test_what_a_job_left_behind_is_killed_and_nothing_else(run):
    mine, other = (run('echo "1\\n"; sleep(60);', job=job) for job in (71, 711))
    assert next(line for line in mine if line) == "1"
    assert next(line for line in other if line) == "1"

    assert process.kill_leftovers(71) == 1

    with pytest.raises(php.PhpError, match="exit code -9"):
        lines(mine)
    assert next(other) is None
    other.close()


@pytest.mark.parametrize(
    ("script", "lost", "found"),
    [
        ("admin/cli/upgrade.php", "", True),
        ("admin/cli/install_database.php", "", True),
        ("admin/cli/cron.php", "", False),
        ("admin/cli/upgrade.php", "cache/locallib.php", False),
        ("admin/cli/upgrade.php", "cache/classes/config.php", False),
    ],
)
def test_caches_are_remembered_where_moodle_is_as_we_know_it(site, script, lost, found):
    for name, text in php.EXTENDED.items():
        file = Path(site.release.path, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("" if name == lost else f"<?php abstract {text};")

    options = php.php_options(site.release.path, script)

    assert (f"auto_prepend_file={php.DEFINITIONS}" in options) is found


def test_a_script_that_the_release_does_not_ship_is_told(site):
    with pytest.raises(php.PhpError, match="this release does not ship it"):
        next(php.run(site, "admin/cli/missing.php"))


def test_a_script_in_public_is_found(site):
    script = Path(site.release.path, "public/admin/cli/y.php")
    script.parent.mkdir(parents=True)
    script.write_text("<?php echo 'here';")

    assert lines(php.run(site, "admin/cli/y.php")) == ["here"]


def test_a_script_in_public_is_not_run_with_a_config_of_its_own(site):
    script = Path(site.release.path, "public/local/x/cli/y.php")
    script.parent.mkdir(parents=True)
    script.write_text("<?php require __DIR__ . '/../../../config.php';")
    config = Path(site.release.path, "public/config.php")

    config.write_text("<?php\nrequire_once __DIR__ . '/../config.php';")
    assert lines(php.run(site, "local/x/cli/y.php", accept=(0, 78, 255)))
    config.write_text("<?php echo 'the site of a former config.php';")
    with pytest.raises(php.PhpError, match="put back the one that Moodle ships"):
        lines(php.run(site, "local/x/cli/y.php"))


def test_a_php_that_is_not_there_is_told(run, site):
    site.release.php = "no-such-php"

    with pytest.raises(php.PhpError, match="no-such-php cannot be started: No such"):
        lines(run("echo 1;"))


def test_a_script_that_cannot_be_limited_is_stopped_and_told(run, monkeypatch):
    started = []

    def refuse(pid: int, *_limit: object) -> None:
        started.append(pid)
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(process.resource, "prlimit", refuse)

    with pytest.raises(php.PhpError, match="cannot be limited: Operation not perm"):
        lines(run("sleep(60);"))

    [pid] = started
    assert not Path(f"/proc/{pid}").exists()  # not even as a zombie


def test_a_cache_that_cannot_be_made_is_told(run, settings, tmp_path):
    (tmp_path / "file").touch()
    settings.VMOODLE_PHP_CACHE_DIR = tmp_path / "file/cache"

    with pytest.raises(php.PhpError, match="PHP's cache, cannot be made: .*; check"):
        lines(run("echo 1;"))


def test_scripts_leave_no_file_open(run, site):
    def in_use() -> set[str]:
        return {path.name for path in Path("/proc/self/fd").iterdir()}

    lines(run("echo 1;", stdin="2"))
    before = in_use()

    lines(run("echo 1;", stdin="2"))
    half = run('echo "one\\n"; sleep(60);')
    assert next(line for line in half if line) == "one"
    half.close()
    site.release.php = "no-such-php"
    with pytest.raises(php.PhpError, match="cannot be started"):
        lines(run("echo 1;"))

    assert in_use() == before
