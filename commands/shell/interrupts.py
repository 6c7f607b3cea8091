"""^C and a closed terminal while a job runs in the foreground."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from django.core.management.base import CommandError

from commands.models import Run


def goes_on(run: Run) -> CommandError:
    """Return what is told of a run of the workers that ^C leaves."""
    return CommandError(
        f"Run {run.pk} goes on without this window; cancel it in the console",
        returncode=130,
    )


@contextmanager
def interrupts(tell: Callable[[str], object]) -> Iterator[threading.Event]:
    """Take the first ^C as a cancel, which lets a step end that must not be cut off.

    The second one cuts it off. That the terminal is closed is no cancel: a
    lost connection must not cut off an upgrade.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked  # only there can a signal be handled
        return

    def cut_off(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt("cut off by a second ^C")

    def ask(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, cut_off)
        asked.set()
        tell("Cancelled: a step that must not be cut off ends first (^C cuts it off)")

    former = signal.signal(signal.SIGINT, ask)
    # A handler, not SIG_IGN, which our children would inherit.
    hangup = signal.signal(signal.SIGHUP, lambda number, frame: None)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, former)
        signal.signal(signal.SIGHUP, hangup)
