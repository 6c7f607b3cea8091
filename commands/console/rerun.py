"""How a run is done again: by a retry, in a shell, as a saved command."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from commands.base import UnknownCommand, find
from commands.console.drafts import is_dangerous, may_run
from commands.models import Job, Run
from commands.shell.equivalent import shell_line

RETRY = {
    "failed": tuple(Job.BAD),
    "rest": (*Job.BAD, Job.State.SKIPPED, Job.State.CANCELLED),
    "all": tuple(Job.State.values),
}


def ways(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Return how to do it again; nothing for a command that is gone since."""
    try:
        shell = shell_line(run, canary=run.jobs.filter(wave=0).count())
    except UnknownCommand:
        return {}
    dangerous = is_dangerous(run)
    return {
        "shell": shell,
        "retries": _retries(run) if may_run(request, dangerous=dangerous) else [],
        "keep": _keep(request, run),
    }


def _keep(request: HttpRequest, run: Run) -> str:
    """Return what fills the form that keeps the run's command; "" if one may not."""
    if not request.user.has_perm("commands.add_savedcommand"):
        return ""
    if find(run.command).secret_names():
        return ""
    kept = {"command": run.command, "attributes": run.attributes}
    return urlencode(kept | {"selection": f"--in-run={run.pk}"})


def _retries(run: Run) -> list[tuple[str, str]]:
    """Return the kinds of retry that would have anything to do, with their labels."""
    counts = run.counts()
    labels = {
        "failed": _("Retry the failed"),
        "rest": _("Retry all that did not succeed"),
        "all": _("Run again on all"),
    }
    numbers = {
        which: sum(counts[state] for state in states) for which, states in RETRY.items()
    }
    if numbers["rest"] == numbers["failed"]:
        del numbers["rest"]
    return [(which, str(labels[which])) for which, number in numbers.items() if number]
