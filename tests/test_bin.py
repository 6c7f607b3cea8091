"""A `bin/test` that is cut off: nothing of its own is left, all of others is."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from commands import host
from tests.conftest import ROOT
from tests.patience import PATIENCE, eventually

# As php-fpm and nginx do: no environment, and a title that names their configuration.
PYTHON = """#!/bin/bash
title="nginx: master process nginx -c $VMOODLE_VAR_DIR/nginx.conf"
env -i bash -c 'exec -a "$0" sleep 600' "$title" &
echo $! >"$0.pid"
wait
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a directory with `bin/test` and nothing that it would test."""
    for path, text in (
        ("bin/test", (ROOT / "bin/test").read_text()),
        ("bin/install", "#!/bin/sh\nexit ${INSTALLS:-0}\n"),
        (".venv/bin/python", PYTHON),
    ):
        program = tmp_path / "project" / path
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    return tmp_path / "project"


def test_the_directory_of_an_installation_is_not_removed(project: Path, tmp_path: Path):
    theirs = tmp_path / "var"
    theirs.mkdir()
    environment = os.environ | {"VMOODLE_VAR_DIR": str(theirs), "INSTALLS": "1"}

    ended = subprocess.run([project / "bin/test"], env=environment, check=False)

    assert ended.returncode == 1
    assert theirs.is_dir()


def test_servers_that_have_no_environment_are_stopped(project: Path):
    pid = project / ".venv/bin/python.pid"
    run = subprocess.Popen([project / "bin/test", "x"], start_new_session=True)
    eventually(lambda: pid.exists() and pid.read_text().strip(), "nothing was started")
    server = int(pid.read_text())
    title = Path(f"/proc/{server}/cmdline")
    eventually(lambda: title.read_bytes().startswith(b"nginx: "), "it has no title")

    run.send_signal(signal.SIGTERM)

    assert run.wait(PATIENCE) == 143
    assert not host._start_time(server)  # gone, or nobody has asked how it ended
