"""Outlast a registry that restarts: what a job has done must not look lost."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections

DOWN = (OperationalError, InterfaceError)  # the registry is out of reach
T = TypeVar("T")


def patiently(work: Callable[[], T]) -> T:
    """Return what `work` returns, trying again as long as the registry is down.

    Gives up, with the registry's error, after `VMOODLE_JOB_MAX_SECONDS`.
    """
    give_up = time.monotonic() + settings.VMOODLE_JOB_MAX_SECONDS
    while True:
        try:
            return work()
        except DOWN:
            if time.monotonic() > give_up:
                raise
        close_old_connections()
        time.sleep(1)
