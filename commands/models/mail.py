"""Mails, which wait in the registry until the mail server has taken them."""

import logging
from datetime import timedelta
from email.utils import format_datetime, make_msgid

from django.core.mail import DNS_NAME, EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import models
from django.utils import timezone

from commands.patience import patiently

log = logging.getLogger(__name__)

# Nobody else tries a mail meanwhile: longer than any control task may take.
LEASE = timedelta(minutes=15)
SHORTEST, LONGEST = timedelta(seconds=10), timedelta(minutes=10)  # pauses
GIVE_UP = timedelta(days=1)


def new_message_id() -> str:
    return make_msgid(domain=str(DNS_NAME))


class Mail(models.Model):
    """A mail that the mail server has not taken yet; its row goes when it has.

    A try first moves `due_at` ahead, by conditional UPDATE: no two workers try at
    once, and a worker that dies at it leaves a mail that is due again later. Its
    message id stays the same, should the server have taken it all the same.
    """

    subject = models.CharField(max_length=400)
    body = models.TextField()
    recipients = models.JSONField()
    message_id = models.CharField(max_length=255, default=new_message_id)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.subject!r} to {', '.join(self.recipients)}"

    @classmethod
    def due(cls) -> "models.QuerySet[Mail]":
        return cls.objects.filter(due_at__lte=timezone.now()).order_by("pk")

    def send(self, connection: BaseEmailBackend) -> None:
        """Send it, unless another worker does; raise OSError."""
        if not self._due_in(LEASE):
            return
        written = format_datetime(self.created_at)
        headers = {"Message-ID": self.message_id, "Date": written}
        EmailMessage(
            self.subject,
            self.body,
            to=self.recipients,
            headers=headers,
            connection=connection,
        ).send()
        patiently(self.delete)

    def put_off(self, error: OSError) -> None:
        """Let it be tried again after as long as it has waited; not for ever."""
        waited = timezone.now() - self.created_at
        if waited < GIVE_UP:
            self._due_in(max(SHORTEST, min(waited, LONGEST)))
        elif self._unchanged().delete()[0]:
            log.error("The mail %s was not sent for a day, giving up: %s", self, error)

    def _due_in(self, pause: timedelta) -> bool:
        """Move the next try; False when the mail is another worker's, or is sent."""
        mine = self._unchanged()
        self.due_at = timezone.now() + pause
        return bool(mine.update(due_at=self.due_at))

    def _unchanged(self) -> "models.QuerySet[Mail]":
        return Mail.objects.filter(pk=self.pk, due_at=self.due_at)
