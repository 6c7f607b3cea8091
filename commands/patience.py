"""Outlast a registry that restarts, or picks us as the victim of a deadlock."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections

DOWN = (OperationalError, InterfaceError)  # the registry is out of reach
DEADLOCK = 1213  # of MariaDB and MySQL, which undo the whole transaction
TRIES = 5
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


def past_deadlocks(transaction: Callable[[], T]) -> T:
    """Return what a whole transaction returns, which is begun anew after a deadlock.

    For somebody who waits: unlike `patiently` it takes no longer than that.
    """
    for _attempt in range(TRIES - 1):
        try:
            return transaction()
        except OperationalError as error:
            if error.args[:1] != (DEADLOCK,):
                raise
    return transaction()
