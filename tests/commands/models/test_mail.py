"""Mails wait for a mail server that is away, on a real socket."""

import time
from datetime import timedelta

import pytest
from django.core.mail import get_connection
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from commands import notify, queue
from commands.models import Mail
from commands.models.mail import GIVE_UP, LEASE
from tests.smtp import MailServer

pytestmark = pytest.mark.django_db


def written(subject: str, minutes_ago: float = 0) -> Mail:
    at = timezone.now() - timedelta(minutes=minutes_ago)
    recipients = ["ann@example.org"]
    return Mail.objects.create(
        subject=subject, body="All is well.", recipients=recipients, created_at=at
    )


def time_passes() -> None:
    Mail.objects.update(due_at=timezone.now())


def pause(mail: Mail) -> float:
    """Return the seconds until the mail is tried again."""
    mail.refresh_from_db()
    return (mail.due_at - timezone.now()).total_seconds()


def test_a_mail_is_sent_and_forgotten(mail_server: MailServer):
    mail = written("10 %", minutes_ago=5)
    mail_server.start()

    notify.send_waiting()

    [received] = mail_server.received
    assert received["Subject"] == "10 %"
    assert received["To"] == "ann@example.org"
    assert received["Message-ID"] == mail.message_id
    assert f"{mail.created_at:%H:%M:%S}" in received["Date"]
    assert received.get_payload() == "All is well.\r\n"
    assert not Mail.objects.exists()


def test_mails_outlast_a_server_that_is_away(mail_server: MailServer):
    for subject in ("10 %", "20 %", "finished"):
        written(subject)
        notify.send_waiting()
    mail_server.start()
    notify.send_waiting()
    assert mail_server.received == []

    time_passes()
    for _again in range(3):
        notify.send_waiting()

    assert mail_server.subjects() == ["10 %", "20 %", "finished"]
    assert not Mail.objects.exists()


@pytest.mark.parametrize(
    ("minutes_ago", "seconds"), [(0, 10), (1, 60), (4, 240), (60, 600), (1400, 600)]
)
def test_pauses_grow(mail_server: MailServer, minutes_ago: float, seconds: float):
    mail = written("10 %", minutes_ago)

    notify.send_waiting()

    assert pause(mail) == pytest.approx(seconds, abs=5)


def test_a_server_that_hangs_is_tried_once_not_once_a_mail(
    mail_server: MailServer, settings
):
    settings.EMAIL_TIMEOUT = 0.5
    mail_server.silent = True
    mail_server.start()
    mails = [written(f"{n} %") for n in range(100)]
    begun = time.monotonic()

    notify.send_waiting()

    assert time.monotonic() - begun < 25
    assert mail_server.tries == 1
    assert all(pause(mail) > 5 for mail in mails)


def test_a_mail_that_is_refused_hinders_no_other(mail_server: MailServer):
    mail_server.start()
    mail_server.refused = {"huge"}
    refused = written("huge")
    written("20 %")

    notify.send_waiting()

    assert mail_server.subjects() == ["20 %"]
    assert Mail.objects.get() == refused
    mail_server.refused = set()
    time_passes()
    notify.send_waiting()
    assert mail_server.subjects() == ["20 %", "huge"]


def test_two_workers_do_not_send_the_same_mail(mail_server: MailServer):
    mail = written("10 %")
    mail_server.start()
    other = Mail.objects.get()

    with get_connection() as connection:
        mail.send(connection)
        other.send(connection)

    assert mail_server.subjects() == ["10 %"]


def test_a_mail_whose_worker_dies_is_left_alone_for_a_while_and_not_lost(
    mail_server: MailServer, monkeypatch
):
    mail = written("10 %")
    mail_server.start()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("smtplib.SMTP.sendmail", _killed)
        notify.send_waiting()

    notify.send_waiting()
    assert mail_server.received == []
    assert pause(mail) == pytest.approx(LEASE.total_seconds(), abs=5)

    time_passes()
    notify.send_waiting()
    assert mail_server.subjects() == ["10 %"]


def _killed(*args: object) -> None:
    raise KeyboardInterrupt


def test_a_registry_that_fails_after_the_sending_makes_no_second_mail(
    mail_server: MailServer, monkeypatch
):
    written("10 %")
    mail_server.start()
    delete, failures = Mail.delete, [OperationalError("gone")]

    def fail_once(mail: Mail) -> object:
        if failures:
            raise failures.pop()
        return delete(mail)

    monkeypatch.setattr(Mail, "delete", fail_once)
    monkeypatch.setattr("commands.patience.close_old_connections", lambda: None)

    notify.send_waiting()

    assert not Mail.objects.exists()
    assert mail_server.subjects() == ["10 %"]


def test_after_a_day_a_mail_is_given_up_and_logged(mail_server: MailServer, caplog):
    written("old", minutes_ago=GIVE_UP.total_seconds() / 60 + 1)
    young = written("young")

    notify.send_waiting()

    assert Mail.objects.get() == young
    assert "'old' to ann@example.org was not sent for a day, giving up" in caplog.text
    assert "Connection refused" in caplog.text


def test_a_mail_that_waited_for_workers_for_days_is_still_tried(
    mail_server: MailServer,
):
    written("old", minutes_ago=3 * 24 * 60)
    mail_server.start()

    notify.send_waiting()

    assert mail_server.subjects() == ["old"]


def test_mails_that_are_due_are_enqueued_once():
    notify.enqueue_waiting()
    assert not OrmQ.objects.exists()
    written("10 %")

    notify.enqueue_waiting()
    notify.enqueue_waiting()

    assert OrmQ.objects.get().key == queue.CONTROL


def test_mails_that_are_not_due_are_not_enqueued(mail_server: MailServer):
    written("10 %")
    notify.send_waiting()

    notify.enqueue_waiting()

    assert not OrmQ.objects.exists()
