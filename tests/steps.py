"""Run what works in steps, as a command does, without a job."""

from collections.abc import Generator
from typing import Any, TypeVar

T = TypeVar("T")


def end(steps: Generator[Any, Any, T]) -> T:
    """Return what a generator returns, having run it to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
