"""Whoever looks at a command goes away while it works."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.models import Job, Run
from tenants import files, moodledb
from tenants.models import Tenant
from tests.commands.upgrade.conftest import set_config
from tests.conftest import ROOT, AddTenant
from tests.faults.conftest import hurry, wait_for_php
from tests.patience import PATIENCE, eventually

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
Process = subprocess.Popen[str]


@pytest.fixture
def upgrade(environment: dict[str, str], fleet: list[Tenant]) -> Iterator[Process]:
    """Return an upgrade in a shell, whose script is at work."""
    # Tests that run in the background hand on that ^C is ignored.
    python = ["env", "--default-signal=INT", sys.executable]
    words = [*python, ROOT / "manage.py", "upgrade", "--to-release=4.3"]
    with subprocess.Popen(
        [*words, f"--host={fleet[0].wwwroot}"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            eventually(lambda: Run.objects.exists())
            wait_for_php(Run.objects.get())
            yield process
        finally:
            process.kill()


def succeeded(tenant: Tenant) -> bool:
    [job] = Job.objects.all()
    version = moodledb.config_of(tenant, ["version"])
    return job.state == Job.State.SUCCEEDED and version == {"version": "2023100900"}


def test_an_upgrade_outlives_its_terminal(upgrade: Process, fleet: list[Tenant]):
    upgrade.send_signal(signal.SIGHUP)
    hurry(fleet)
    out, err = upgrade.communicate(timeout=PATIENCE)

    assert (upgrade.returncode, err) == (0, "")
    assert out.endswith("== purge\n")
    assert succeeded(fleet[0])


def test_an_upgrade_outlives_who_reads_its_output(
    upgrade: Process, fleet: list[Tenant]
):
    assert upgrade.stdout and upgrade.stderr
    upgrade.stdout.close()
    hurry(fleet)
    err = upgrade.stderr.read()

    assert (upgrade.wait(PATIENCE), err) == (0, "")
    assert succeeded(fleet[0])


def test_an_upgrade_outlives_a_terminal_that_lacks_a_letter(
    environment: dict[str, str], add_tenant: AddTenant
):
    tenant = add_tenant("one")
    set_config(tenant, "sandbox_upgrade_fails", "Αποτυχία")  # printed half-way
    words = ["upgrade", "--to-release=4.3", f"--host={tenant.wwwroot}"]

    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", *words],
        env=environment | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        text=True,
    )

    assert "Traceback" not in done.stderr
    assert Job.objects.get().state == Job.State.ROLLED_BACK
    assert not files.in_maintenance(tenant)


def test_an_upgrade_that_is_cancelled_says_what_it_waits_for(
    upgrade: Process, fleet: list[Tenant]
):
    upgrade.send_signal(signal.SIGINT)
    assert upgrade.stderr
    said = upgrade.stderr.readline()
    hurry(fleet)
    _out, err = upgrade.communicate(timeout=PATIENCE)

    assert said.startswith("Cancelled: a step that must not be cut off ends first")
    assert (upgrade.returncode, err) == (0, "")
    assert succeeded(fleet[0])


def test_an_upgrade_that_is_cut_off_says_so_in_a_sentence(upgrade: Process):
    assert upgrade.stderr
    upgrade.send_signal(signal.SIGINT)
    upgrade.stderr.readline()
    upgrade.send_signal(signal.SIGINT)
    _out, err = upgrade.communicate(timeout=PATIENCE)

    assert upgrade.returncode == 130
    assert err.count("\n") == 1
    assert "cut off by a second ^C" in err
    job = Job.objects.get()
    assert job.state == Job.State.FAILED
    assert job.error.endswith("cut off by a second ^C")


@pytest.mark.parametrize("words", [["--json"], []], ids=["long", "short"])
def test_a_list_that_is_read_in_part_is_no_error(
    environment: dict[str, str], words: list[str]
):
    with subprocess.Popen(
        [sys.executable, ROOT / "manage.py", "commands", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (128 + signal.SIGPIPE, "")


def test_a_shell_without_standard_output_is_no_error(environment: dict[str, str]):
    line = f"exec {sys.executable} {ROOT / 'manage.py'} commands >&-"

    done = subprocess.run(
        ["sh", "-c", line], env=environment, stderr=subprocess.PIPE, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("bulkpurgecaches --detach --from-file=- <&-", 2),
        ("commands >/dev/full", 1),
    ],
)
def test_a_stream_that_fails_is_told_in_a_sentence(
    environment: dict[str, str], line: str, code: int
):
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} {ROOT / 'manage.py'} {line}"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )

    assert (done.returncode, done.stderr.count("\n")) == (code, 1)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("upgrad", "Unknown command: 'upgrad'. Did you mean upgrade?"),
        ("bulkupgrade --retry=x", "argument --retry: invalid int value: 'x'"),
        ("results", "the following arguments are required: RUN"),
    ],
    ids=["command", "option", "argument"],
)
def test_what_is_typed_wrong_is_told_in_a_sentence(
    environment: dict[str, str], line: str, told: str
):
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", *line.split()],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "usage:" not in done.stderr


@pytest.mark.parametrize(
    ("signals", "code"),
    [("--default-signal=INT", -signal.SIGINT), ("--ignore-signal=INT", 5)],
    ids=["foreground", "background"],
)
@pytest.mark.parametrize("module", ["django", "its_settings"])
def test_an_interrupt_before_a_command_begins_is_silent(
    environment: dict[str, str], tmp_path: Path, module: str, signals: str, code: int
):
    # What is imported meanwhile may take the exception for one of its own.
    overhear = "try:\n    os.kill(os.getpid(), 2)\nexcept KeyboardInterrupt:\n    pass"
    text = f"import os\n{overhear}\nraise SystemExit(5)\n"
    (tmp_path / f"{module}.py").write_text(text)
    environment["PYTHONPATH"] = str(tmp_path)
    environment["DJANGO_SETTINGS_MODULE"] = "its_settings"

    done = subprocess.run(
        ["env", signals, sys.executable, ROOT / "manage.py", "commands"],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_an_interrupt_after_a_command_has_ended_is_silent(
    environment: dict[str, str], tmp_path: Path
):
    text = "import atexit, os\natexit.register(os.kill, os.getpid(), 2)\n"
    (tmp_path / "its_settings.py").write_text(
        f"from vmoodle_site.settings import *\n{text}"
    )
    environment["PYTHONPATH"] = str(tmp_path)
    environment["DJANGO_SETTINGS_MODULE"] = "its_settings"

    done = subprocess.run(
        ["env", "--default-signal=INT", sys.executable, ROOT / "manage.py", "commands"],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://x:y@127.0.0.1:1/x", "Can't connect to server on '127.0.0.1' (115)"),
        ("sqlite:///{}/new.sqlite3", "no such table: tenants_tenant"),
    ],
)
def test_a_registry_that_fails_is_told_in_a_sentence(
    environment: dict[str, str], tmp_path: Path, url: str, said: str
):
    environment["DATABASE_URL"] = url.format(tmp_path)

    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "purge_caches", "--host=https://a.org"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith(f"The registry failed: {said}; check DATABASE_URL")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["bulkupgrade"], ["migrate"], ["help"], []], ids=str)
def test_without_settings_every_command_says_how_to_make_them(
    environment: dict[str, str], words: list[str]
):
    del environment["SECRET_KEY"]

    assert_refused(environment, words, "SECRET_KEY or VMOODLE_SECRET_KEYS is not set")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("VMOODLE_WORKERS", "four", "VMOODLE_WORKERS: invalid literal for int()"),
        ("VMOODLE_FORCED_SETTINGS", "{", "VMOODLE_FORCED_SETTINGS: Expecting"),
        ("DATABASE_URL", "mysql://u:se/cret@h/x", "DATABASE_URL is no URL such as"),
        ("DATABASE_URL", "registry.sqlite3", "DATABASE_URL is no URL such as"),
        ("EMAIL_URL", "smtp://h:secret", "EMAIL_URL is no URL such as"),
        ("TIME_ZONE", "Mars/Olympus", "TIME_ZONE: 'No time zone found"),
        ("LANGUAGE_CODE", "xx", "LANGUAGE_CODE: 'xx' is none of en, fr"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL: 'LOUD' is none of CRITICAL, "),
        ("SECRET_KEY_FILE", "/no/such", "SECRET_KEY: [Errno 2] No such file or dir"),
    ],
)
def test_a_wrong_setting_is_told_in_a_sentence(
    environment: dict[str, str], name: str, value: str, said: str
):
    environment[name] = value

    assert_refused(environment, ["bulkupgrade"], said)


@pytest.mark.parametrize("name", ["one", "one.two", "vmoodle_site.two"])
def test_settings_that_there_are_not_are_told_in_a_sentence(
    environment: dict[str, str], name: str
):
    script = ["admin/cli/a.php", f"--settings={name}"]

    assert_refused(
        environment,
        ["moodle", "--host=http://a", *script],
        f"There are no settings {name}",
    )


def assert_refused(environment: dict[str, str], words: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", *words],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
    assert "se/cret" not in done.stderr


def test_a_new_registry_is_not_for_all_to_read(
    environment: dict[str, str], tmp_path: Path
):
    environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/new.sqlite3"

    subprocess.run(
        ["sh", "-c", f"umask 022; exec {sys.executable} {ROOT / 'manage.py'} migrate"],
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )

    assert (tmp_path / "new.sqlite3").stat().st_mode & 0o777 == 0o640
