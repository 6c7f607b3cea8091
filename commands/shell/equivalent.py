"""The shell command that does the same as a run of the console."""

import shlex
from collections.abc import Sequence
from functools import cache

from django.core.management import get_commands, load_command_class

from commands.base import Command, find
from commands.cli import Base, BulkCommand
from commands.models import Run

LISTED = 20  # wwwroots; a longer list is told by the number of the run


def shell_line(run: Run, wwwroots: Sequence[str] = (), canary: int | str = "") -> str:
    """Return the line to type, such as `manage.py bulkupgrade --tohosts=…`."""
    hosts = list(wwwroots) or list(
        run.jobs.order_by("position").values_list("wwwroot", flat=True)[: LISTED + 1]
    )
    named = len(hosts) <= LISTED
    to = f"--tohosts={','.join(hosts)}" if named else f"--in-run={run.pk}"
    name, wrapper = bulk_command(find(run.command))
    words = ["manage.py", name, to]
    if run.parallel:
        words.append(f"--jobs={run.parallel}")
    if run.max_failures:
        words.append(f"--max-failures={run.max_failures}")
    if canary:
        words.append(f"--canary={canary}")
    words += wrapper.words(run.attributes)  # last: a script's own follow it
    return shlex.join(words)


def bulk_command(command: type[Command]) -> tuple[str, BulkCommand]:
    """Return the management command that runs this one on many tenants."""
    name = wrappers(BulkCommand).get(command, "run_command")
    wrapper = load_command_class("commands", name)
    assert isinstance(wrapper, BulkCommand)
    wrapper.runs = command
    return name, wrapper


@cache
def wrappers(kind: type[Base]) -> dict[type[Command], str]:
    """Return the management commands of this kind by the command they run."""
    found = {}
    for name, app in get_commands().items():
        if app == "commands":
            wrapper = load_command_class(app, name)
            if isinstance(wrapper, kind) and wrapper.runs is not Command:
                found[wrapper.runs] = name
    return found
