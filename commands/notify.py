"""E-mail about runs, to ADMINS and VMOODLE_TECHOPERATOR.

What there is to tell is written down with what happened, in one transaction. The
control queue sends it, and tries again as long as the mail server is out of reach.
"""

import logging
from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import get_connection
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from commands import queue
from commands.models.mail import Mail

if TYPE_CHECKING:  # they call this module
    from commands.models import Job, Run

log = logging.getLogger(__name__)

SUBJECT = 400  # characters: a job's end must not fail over its mail
LISTED = 100  # failed tenants in a mail; the page has all
SUBJECTS = {
    "progress": _("%(percent)s %%"),
    "first_failure": _("first failure: %(site)s"),
    "final": _("finished: %(counts)s"),
}
REFUSED = (SMTPResponseException, SMTPRecipientsRefused)  # this mail, not all mails


def counted(run: "Run", done: int, failed: "Sequence[Job]") -> None:
    """Tell what a run has come to by jobs just counted, some of which failed."""
    if failed and run.done < run.total and run.failed == len(failed):
        first_failure(failed[0])  # else the report comes at once as well
    tenths = run.done * 10 // run.total
    if (run.done - done) * 10 // run.total < tenths < 10:
        progress(run, tenths * 10)


def progress(run: "Run", percent: int) -> None:
    """Tell that a run has reached a new ten per cent."""
    _write(run, "progress", percent=percent)


def first_failure(job: "Job") -> None:
    """Tell of the first failure at once, with what the job said."""
    _write(job.run, "first_failure", site=job.wwwroot, error=job.error)


def final(run: "Run") -> None:
    """Tell how a run ended: counts, and the failed tenants' errors."""
    _write(run, "final")


def recipients() -> list[str]:
    addresses = [address for _name, address in settings.ADMINS]
    return list(dict.fromkeys([*addresses, *settings.VMOODLE_TECHOPERATOR]))


def _write(run: "Run", kind: str, **told: object) -> None:
    """Write a mail, in the fleet's language, whoever's page has caused it."""
    if run.quiet or not recipients():
        return
    with override(settings.LANGUAGE_CODE):
        context = told | _standing(run)
        subject = SUBJECTS[kind] % context
        body = render_to_string(f"commands/mail/{kind}.txt", context)
    prefix = settings.EMAIL_SUBJECT_PREFIX.strip()
    Mail.objects.create(
        subject=f"{prefix} {run.command} #{run.pk}: {subject}".strip()[:SUBJECT],
        body=body,
        recipients=recipients(),
    )
    queue.enqueue_control(send_waiting)


def _standing(run: "Run") -> dict[str, object]:
    """Return what any mail may tell of a run."""
    failed = run.jobs.filter(state__in=("failed", "rolled_back")).order_by("wwwroot")
    url = settings.VMOODLE_CONSOLE_URL + reverse(
        "admin:commands_run_view", args=[run.pk]
    )
    labels = dict(run.jobs.model.State.choices)
    counts = [f"{n} {labels[s]}".lower() for s, n in run.counts().items() if n]
    return {
        "run": run,
        "counts": ", ".join(counts),
        "lines": counts,
        "failed": failed[:LISTED],
        "more": max(0, failed.count() - LISTED),
        "url": url,
    }


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
