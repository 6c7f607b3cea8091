"""Waiting for what another process, thread or server does a moment later."""

import time
from collections.abc import Callable

# Seconds. A busy machine may need many, and where it comes to pass nobody waits them.
PATIENCE = 240.0
AT_ONCE = 4.0  # for what the kernel does, and what else would come to pass later


def eventually(
    check: Callable[[], object], what: str = "", *, seconds: float = PATIENCE
) -> None:
    """Wait until the check is true."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, what or "it did not happen in time"
        time.sleep(0.05)
