"""Waiting for what another process, thread or server does a moment later."""

import time
from collections.abc import Callable

PATIENCE = 60.0  # seconds: nobody waits that long but where it never happens


def eventually(
    check: Callable[[], object], what: str = "", *, seconds: float = PATIENCE
) -> None:
    """Wait until the check is true."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, what or "it did not happen in time"
        time.sleep(0.02)
