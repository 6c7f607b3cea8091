"""The mail server is away while a run is reported."""

import signal

import pytest

from commands.models import Mail
from tests.conftest import RunOf
from tests.faults.conftest import StartWorkers
from tests.patience import PATIENCE, eventually
from tests.smtp import MailServer

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_a_report_outlasts_a_mail_server_that_is_away_and_workers_that_restart(
    run_of: RunOf,
    rows,
    environment: dict[str, str],
    mail_server: MailServer,
    start_workers: StartWorkers,
):
    environment["EMAIL_URL"] = f"smtp://127.0.0.1:{mail_server.port}"
    run_of("generic/PurgeCaches", rows(1)).cancel("tester")
    written = Mail.objects.get()
    workers = start_workers("control")
    eventually(lambda: Mail.objects.get().due_at > written.due_at)

    workers.process.send_signal(signal.SIGTERM)
    assert workers.process.wait(PATIENCE) == 0
    mail_server.start()
    start_workers("control")

    eventually(lambda: not Mail.objects.exists())
    [mail] = mail_server.received
    assert mail["Message-ID"] == written.message_id
    assert mail["Subject"].endswith("finished: 1 cancelled")
