"""Two parties of the tests, and Moodle's library in their place."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mnet.keys import Pair
from tenants.process import OPENSSL
from tests.moodle.fleet import moodle_trees

HERE = Path(__file__).parent
ALPHA, BETA = "https://alpha.example.org", "https://beta.example.org"


def kept(name: str) -> Pair:
    """Return a pair of `samples/`, made by PHP as Moodle makes one."""
    stored = (HERE / "samples" / f"{name}.txt").read_text()
    return Pair(*stored.split("@@@@@@@@"))


def moodle(**given: Any) -> Any:
    """Return what Moodle's library makes of it: an envelope, or what is in one."""
    trees = [tree for tree in moodle_trees() if (tree / "mnet/lib.php").is_file()]
    if not trees:
        pytest.skip("a real Moodle with MNet is needed, below /opt/moodle")
    done = subprocess.run(
        ["php", str(HERE / "seal.php"), str(trees[-1])],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "OPENSSL_CONF": str(OPENSSL)},
    )
    return json.loads(done.stdout)
