import time
from collections import deque
from pathlib import Path

import pytest

from tenants import process
from tests.patience import AT_ONCE, eventually


def test_what_does_not_heed_the_first_signal_is_killed(monkeypatch):
    monkeypatch.setattr(process, "GRACE", 0.5)
    script = "trap '' TERM; echo $$; sleep 20"
    found = process.follow(["sh", "-c", script], None, 60, deque(), "")
    pid = next(line for line in found if line)

    before = time.monotonic()
    found.close()

    assert time.monotonic() - before < 10
    assert not Path(f"/proc/{pid}").exists()


def test_what_takes_too_long_to_answer_is_killed_with_its_children(tmp_path):
    argv = ["sh", "-c", 'sleep 600 & echo $! > "$0"; wait', str(tmp_path / "pid")]

    with pytest.raises(
        process.PhpError, match="no answer: .* timed out after 2 seconds"
    ):
        process.ended(argv, "no answer", timeout=2)

    child = Path(f"/proc/{int((tmp_path / 'pid').read_text())}/fd/0")
    eventually(lambda: not child.exists(), seconds=AT_ONCE)


@pytest.mark.parametrize(
    ("name", "value"), [("SECRET_KEY", "another"), ("VAR_DIR", Path("/elsewhere"))]
)
def test_a_job_of_another_installation_has_another_name(settings, name, value):
    mine = process.mark(7)

    setattr(settings, name, value)

    assert process.mark(7) != mine
    assert process.mark(7).endswith(".7")
