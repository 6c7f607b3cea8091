"""Somebody who looks at a site all the time, while something is done to it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.moodle.fleet import Fleet

Answer = tuple[float, float, int]  # asked for, come, and the status


@contextmanager
def watched(fleet: Fleet, name: str) -> Iterator[list[Answer]]:
    """Ask for a site's login page again and again; return when it answered what.

    An answer is told as when it was asked for, when it came, and its status.
    """
    seen: list[Answer] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            asked = time.monotonic()
            status, _page = fleet.page(name)
            seen.append((asked, time.monotonic(), status))

    visitor = threading.Thread(target=look)
    visitor.start()
    try:
        yield seen
    finally:
        over.set()
        visitor.join()
