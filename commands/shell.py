"""The shell command that does the same as a run of the console."""

import shlex
from collections.abc import Sequence
from urllib.parse import parse_qsl

from django import forms
from django.core.management import get_commands, load_command_class

from commands.base import find
from commands.cli import BulkCommand
from commands.models import Run

LISTED = 20  # wwwroots; a longer list is told by the number of the run


def shell_line(run: Run, wwwroots: Sequence[str] = (), canary: str = "") -> str:
    """Return the line to type, such as `manage.py bulkupgrade --tohosts=…`."""
    hosts = list(wwwroots) or list(
        run.jobs.order_by("position").values_list("wwwroot", flat=True)[: LISTED + 1]
    )
    named = len(hosts) <= LISTED
    to = f"--tohosts={','.join(hosts)}" if named else f"--in-run={run.pk}"
    words = ["manage.py", bulk_name(run.command), to]
    fields = find(run.command).base_fields
    for name, value in parse_qsl(run.attributes):
        option = f"--{name.replace('_', '-')}"
        switch = isinstance(fields.get(name), forms.BooleanField)
        words.append(option if switch else f"{option}={value}")
    if run.parallel:
        words.append(f"--jobs={run.parallel}")
    if run.max_failures:
        words.append(f"--max-failures={run.max_failures}")
    if canary:
        words.append(f"--canary={canary}")
    return shlex.join(words)


def bulk_name(command: str) -> str:
    """Return the management command that runs this command class on many tenants."""
    for name, app in get_commands().items():
        if name.startswith("bulk") and app == "commands":
            wrapper = load_command_class(app, name)
            if isinstance(wrapper, BulkCommand) and wrapper.runs.name() == command:
                return name
    return "run_command"
