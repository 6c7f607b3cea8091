"""bin/mariadb: a server that leaves the others of the machine alone."""

import os
import subprocess
from pathlib import Path

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
