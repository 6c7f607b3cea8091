"""Outlast a registry that restarts, or picks us as the victim of a deadlock."""

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import (
    DataError,
    InterfaceError,
    OperationalError,
    close_old_connections,
)

DOWN = (OperationalError, InterfaceError)  # the registry is out of reach
# What MariaDB and MySQL say of a value that they will never take: a packet that is too
# large, a letter that the character set lacks, JSON that MySQL finds invalid.
NEVER = {1153, 1300, 1366, 3140}
DEADLOCK = 1213  # of MariaDB and MySQL, which undo the whole transaction
TRIES = 5
P = ParamSpec("P")
T = TypeVar("T")


def patiently(work: Callable[[], T]) -> T:
    """Return what `work` returns, trying again as long as the registry is down.

    Gives up, with the registry's error, after `VMOODLE_JOB_MAX_SECONDS`; with
    DataError at once, when the registry will never take what it is given.
    """
    give_up = time.monotonic() + settings.VMOODLE_JOB_MAX_SECONDS
    while True:
        try:
            return work()
        except DOWN as error:
            if error.args and error.args[0] in NEVER:
                raise DataError(*error.args) from error
            if time.monotonic() > give_up:
                raise
        close_old_connections()
        time.sleep(1)


def past_deadlocks(transaction: Callable[P, T]) -> Callable[P, T]:
    """Make a whole transaction one that is begun anew after a deadlock.

    For somebody who waits: unlike `patiently` it takes no longer than that.
    """

    @wraps(transaction)
    def again_and_again(*args: P.args, **kwargs: P.kwargs) -> T:
        for _attempt in range(TRIES - 1):
            try:
                return transaction(*args, **kwargs)
            except OperationalError as error:
                if error.args[:1] != (DEADLOCK,):
                    raise
        return transaction(*args, **kwargs)

    return again_and_again
