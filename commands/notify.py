"""E-mail about runs, to ADMINS and VMOODLE_TECHOPERATOR. Runs in the control queue."""

from typing import TYPE_CHECKING

from django.apps import apps
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

if TYPE_CHECKING:  # models enqueues these functions
    from commands.models import Run

LISTED = 100  # failed tenants in a mail; the page has all


def progress(run_id: int, percent: int) -> None:
    """Tell that a run has reached a new ten per cent."""
    _send(_run(run_id), f"{percent} %", "progress")


def first_failure(job_id: int) -> None:
    """Tell of the first failure at once, with what the job said."""
    job = apps.get_model("commands", "Job").objects.select_related("run").get(pk=job_id)
    _send(job.run, f"first failure: {job.wwwroot}", "first_failure", job=job)


def final(run_id: int) -> None:
    """Send the report of a run: counts, and the failed tenants' errors."""
    run = _run(run_id)
    words = [f"{n} {state.replace('_', ' ')}" for state, n in run.counts().items() if n]
    _send(run, f"finished: {', '.join(words)}", "final")


def recipients() -> list[str]:
    addresses = [address for _name, address in settings.ADMINS]
    return list(dict.fromkeys([*addresses, *settings.VMOODLE_TECHOPERATOR]))


def _run(run_id: int) -> "Run":
    run: Run = apps.get_model("commands", "Run").objects.get(pk=run_id)
    return run


def _send(run: "Run", subject: str, template: str, **context: object) -> None:
    if not recipients():
        return
    failed = run.jobs.filter(state__in=("failed", "rolled_back")).order_by("wwwroot")
    url = settings.VMOODLE_CONSOLE_URL + reverse(
        "admin:commands_run_view", args=[run.pk]
    )
    context |= {
        "run": run,
        "counts": {state: n for state, n in run.counts().items() if n},
        "failed": failed[:LISTED],
        "more": max(0, failed.count() - LISTED),
        "url": url,
    }
    prefix = settings.EMAIL_SUBJECT_PREFIX.strip()
    send_mail(
        f"{prefix} {run.command} #{run.pk}: {subject}".strip(),
        render_to_string(f"commands/mail/{template}.txt", context),
        None,
        recipients(),
    )
