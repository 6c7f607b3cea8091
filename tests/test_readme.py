"""README.md, typed as it stands."""

import re
import subprocess

from tests.conftest import ROOT


def test_each_shell_that_is_to_know_manage_py_is_told_where_it_is():
    blocks = re.findall(r"(?m)(?:^    .+\n)+", (ROOT / "README.md").read_text())
    shells = [block for block in blocks if re.search(r"(?m)^    manage\.py ", block)]

    for block in shells[:2]:  # what follows is typed in the second
        first = block[: block.index("    manage.py ")].replace("bin/install", "true")
        said = subprocess.run(
            ["sh", "-c", f"{first}manage.py --version"],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (said.returncode, said.stderr) == (0, ""), block
