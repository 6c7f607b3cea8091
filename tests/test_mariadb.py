"""bin/mariadb: a server that leaves the others of the machine alone."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


def test_a_start_spares_the_temporary_files_of_other_servers(tmp_path: Path):
    theirs = tmp_path / "shared" / "#sql-temptable-1-1-1.MAI"
    theirs.parent.mkdir()
    theirs.touch()
    server = [ROOT / "bin/mariadb", "start", tmp_path / "my db"]

    subprocess.run(
        [*server, "--buffer-pool", "16M"],
        env={**os.environ, "TMPDIR": str(theirs.parent)},
        stdout=subprocess.DEVNULL,
        check=True,
    )

    subprocess.run([server[0], "stop", server[2]], check=True)
    assert theirs.exists()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("begun\n0 [ERROR] out of disk space\nhelp\n", "0 [ERROR] out of disk space\n"),
        ("no such program\n", "no such program\n"),
    ],
)
def test_why_a_database_cannot_be_made_is_printed(tmp_path: Path, said, shown):
    installer = tmp_path / "bin" / "mariadb-install-db"
    installer.parent.mkdir()
    installer.write_text(f"#!/bin/sh\nprintf '%s' '{said}'\nexit 1\n")
    installer.chmod(0o755)

    done = subprocess.run(
        [ROOT / "bin/mariadb", "start", tmp_path / "db"],
        env={**os.environ, "PATH": f"{installer.parent}:{os.environ['PATH']}"},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == (
        f"{shown}bin/mariadb: the database could not be initialised: "
        "mend what is said above\n"
    )
