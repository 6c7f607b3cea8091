"""E-mail about runs, to ADMINS and VMOODLE_TECHOPERATOR.

What there is to tell is written down with what happened, in one transaction. The
control queue sends it, and tries again as long as the mail server is out of reach.
"""

import logging
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import get_connection
from django.template.loader import render_to_string
from django.urls import reverse

from commands import queue
from commands.models.mail import Mail

if TYPE_CHECKING:  # they call this module
    from commands.models import Job, Run

log = logging.getLogger(__name__)

SUBJECT = 400  # characters: a job's end must not fail over its mail
LISTED = 100  # failed tenants in a mail; the page has all
REFUSED = (SMTPResponseException, SMTPRecipientsRefused)  # this mail, not all mails


def progress(run: "Run", percent: int) -> None:
    """Tell that a run has reached a new ten per cent."""
    _write(run, f"{percent} %", "progress")


def first_failure(job: "Job") -> None:
    """Tell of the first failure at once, with what the job said."""
    _write(job.run, f"first failure: {job.wwwroot}", "first_failure", job=job)


def final(run: "Run") -> None:
    """Tell how a run ended: counts, and the failed tenants' errors."""
    words = [f"{n} {state.replace('_', ' ')}" for state, n in run.counts().items() if n]
    _write(run, f"finished: {', '.join(words)}", "final")


def recipients() -> list[str]:
    addresses = [address for _name, address in settings.ADMINS]
    return list(dict.fromkeys([*addresses, *settings.VMOODLE_TECHOPERATOR]))


def _write(run: "Run", subject: str, template: str, **context: object) -> None:
    if run.quiet or not recipients():
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
    Mail.objects.create(
        subject=f"{prefix} {run.command} #{run.pk}: {subject}".strip()[:SUBJECT],
        body=render_to_string(f"commands/mail/{template}.txt", context),
        recipients=recipients(),
    )
    queue.enqueue_control(send_waiting)


def enqueue_waiting() -> None:
    """Have mails sent that are due; called by control clusters now and then."""
    if Mail.due().exists() and not queue.waiting(queue.CONTROL):
        queue.enqueue_control(send_waiting)


def send_waiting() -> None:
    """Send the mails that are due; those that are not taken are due again later."""
    mails = list(Mail.due())
    if not mails:
        return
    try:
        with get_connection() as connection:
            for mail in mails:
                try:
                    mail.send(connection)
                except REFUSED as error:
                    log.warning("The mail server refuses %s: %s", mail, error)
                    mail.put_off(error)
    except OSError as error:
        log.warning("The mail server cannot be reached, trying again: %s", error)
        for mail in mails:
            mail.put_off(error)
