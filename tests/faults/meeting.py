"""A management command that enters its tenant when another process does so as well.

Given are a directory, in which both tell that they have come so far, and the words of
the command. Until then each has checked everything, and found the address free.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import django
from django.core.management import execute_from_command_line

PATIENCE = 60.0  # seconds


def meet(place: Path) -> None:
    (place / str(os.getpid())).touch()
    deadline = time.monotonic() + PATIENCE
    while len(list(place.iterdir())) < 2:
        assert time.monotonic() < deadline, "the other one did not come"
        time.sleep(0.001)  # so that they go on together


def run(place: str, *words: str) -> None:
    django.setup()
    from commands.management.commands import createnode  # needs Django's start

    reserve = createnode.reserve

    def met(*args: Any) -> Any:
        meet(Path(place))
        return reserve(*args)

    createnode.reserve = met
    execute_from_command_line(["manage.py", *words])


if __name__ == "__main__":
    run(*sys.argv[1:])
