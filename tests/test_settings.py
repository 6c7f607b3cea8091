"""The settings of the tests leave nothing behind."""

import os
import subprocess
import sys

from tests.conftest import ROOT


def test_pytest_without_bin_test_leaves_nothing(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    del environment["VMOODLE_VAR_DIR"]

    code = "from tests import settings; print(settings.VAR_DIR)"
    made = subprocess.check_output(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, text=True
    )

    assert made.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
