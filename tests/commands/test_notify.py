import pytest
from django.urls import reverse
from django.utils import translation

from commands import notify, queue
from commands.base import CommandFailed
from commands.claim import claim_next
from commands.models import Job, Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe", "at_once")]


@pytest.fixture
def at_once(monkeypatch, settings) -> None:
    """Send mails at once instead of through the control queue."""
    settings.ADMINS = [("Ann", "ann@example.org")]
    settings.VMOODLE_TECHOPERATOR = ["bob@example.org"]
    settings.VMOODLE_CONSOLE_URL = "https://fleet.example.org"
    monkeypatch.setattr(queue, "enqueue_control", lambda function: function())


def fails(command):
    raise CommandFailed("Moodle said <no> & 'never'")
    yield


def subjects(mailoutbox) -> list[str]:
    return [mail.subject.partition(": ")[2] for mail in mailoutbox]


def link(run: Run) -> str:
    path = reverse("admin:commands_run_view", args=[run.pk])
    return f"\nhttps://fleet.example.org{path}\n"


def test_a_run_that_goes_well_is_told_step_by_step(finished, rows, mailoutbox):
    finished("commands/Probe", rows(10))

    assert subjects(mailoutbox) == [
        *[f"{percent} %" for percent in range(10, 100, 10)],
        "finished: 10 succeeded",
    ]


def test_a_small_run_is_told_at_the_steps_it_reaches(finished, rows, mailoutbox):
    finished("commands/Probe", rows(3))

    assert subjects(mailoutbox) == ["30 %", "60 %", "finished: 3 succeeded"]


def test_a_large_run_is_told_ten_times_only(finished, rows, mailoutbox):
    finished("commands/Probe", rows(45))

    assert len(mailoutbox) == 10


def test_the_first_failure_is_told_with_tenant_and_error(
    finished, rows, probe, mailoutbox
):
    tenants = rows(4)
    probe.script |= {"t1": fails, "t2": fails}

    run = finished("commands/Probe", tenants, parallel=1)

    [mail] = [mail for mail in mailoutbox if "first failure" in mail.subject]
    assert mailoutbox.index(mail) == 1
    assert mail.subject == (
        f"[VMoodle] commands/Probe #{run.pk}: first failure: https://t1.example.org"
    )
    assert "https://t1.example.org failed:\n\n  Moodle said <no> & 'never'" in mail.body
    assert link(run) in mail.body


def test_a_run_on_one_tenant_is_told_of_one(finished, rows, mailoutbox):
    run = finished("commands/Probe", rows(1))

    [mail] = mailoutbox
    said = "commands/Probe on 1 tenant, started by tester, is finished"
    assert mail.body.startswith(f"{said}.\n")
    Run.objects.update(stopped="why")
    run.refresh_from_db()
    notify.final(run)
    assert mailoutbox[-1].body.startswith(f"{said} (why).\n")


def test_mails_are_in_the_fleets_language_whoever_causes_them(
    finished, rows, probe, mailoutbox
):
    probe.script |= {"t1": fails}

    with translation.override("fr"):
        finished("commands/Probe", rows(3), parallel=1)

    assert subjects(mailoutbox)[-1] == "finished: 2 succeeded, 1 failed"
    assert "tenants, started by tester, is finished.\n" in mailoutbox[-1].body


def test_mails_of_a_french_fleet_are_in_french(
    finished, rows, probe, mailoutbox, settings
):
    settings.LANGUAGE_CODE = "fr"
    probe.script |= {"t1": fails}

    finished("commands/Probe", rows(3), parallel=1)

    [first] = [mail for mail in mailoutbox if "premier échec" in mail.subject]
    assert first.body.startswith("https://t1.example.org a échoué\xa0:\n")
    assert subjects(mailoutbox)[-1] == "terminée\xa0: 2 réussi, 1 échoué"
    assert "sur 3 instances, lancée par tester, est terminée.\n" in mailoutbox[-1].body
    assert "\nEn échec\xa0:\n\n  https://t1.example.org\n" in mailoutbox[-1].body
    assert "Probe sur 3 instances" in mailoutbox[0].body


def test_progress_tells_how_many_failed(finished, rows, probe, mailoutbox):
    tenants = rows(4)
    probe.script |= {"t0": fails}

    finished("commands/Probe", tenants, parallel=1)

    [half] = [mail for mail in mailoutbox if mail.subject.endswith("50 %")]
    assert "started by tester: 2 done, 1 failed." in half.body


def test_the_report_has_counts_and_the_failed_tenants_errors(
    finished, rows, probe, mailoutbox
):
    tenants = rows(5)
    probe.script |= {"t1": fails, "t3": fails}

    run = finished("commands/Probe", tenants, parallel=1, max_failures=2)

    report = mailoutbox[-1]
    assert subjects(mailoutbox)[-1] == "finished: 2 succeeded, 2 failed, 1 cancelled"
    assert "(stopped: 2 failed)" in report.body
    assert "  2 succeeded\n  2 failed\n  1 cancelled\n" in report.body
    for name in ("t1", "t3"):
        said = f"  https://{name}.example.org\n    Moodle said <no> & 'never'\n"
        assert said in report.body
    assert link(run) in report.body


def test_the_report_lists_so_many_failures_only(
    finished, rows, probe, mailoutbox, monkeypatch
):
    monkeypatch.setattr(notify, "LISTED", 2)
    tenants = rows(5)
    probe.script = {tenant.shortname: fails for tenant in tenants}

    finished("commands/Probe", tenants)

    assert mailoutbox[-1].body.count("Moodle said") == 2
    assert "... and 3 more" in mailoutbox[-1].body


def test_a_run_whose_only_job_fails_is_told_once(finished, rows, probe, mailoutbox):
    probe.script |= {"t0": fails}

    finished("commands/Probe", rows(1))

    assert subjects(mailoutbox) == ["finished: 1 failed"]


def test_a_run_with_nothing_to_do_is_reported(finished, rows, probe, mailoutbox):
    tenants = rows(2)
    probe.skipped = {tenant.pk: "fine" for tenant in tenants}

    finished("commands/Probe", tenants)

    assert subjects(mailoutbox) == ["finished: 2 skipped"]


def test_a_long_subject_is_cut(finished, rows, mailoutbox, settings):
    settings.EMAIL_SUBJECT_PREFIX = "long " * 100

    finished("commands/Probe", rows(1))

    [mail] = mailoutbox
    assert len(mail.subject) == 400


@pytest.mark.parametrize(
    ("admins", "operators", "recipients"),
    [
        ([], ["a@x.org", "b@x.org"], ["a@x.org", "b@x.org"]),
        ([("A", "a@x.org")], [], ["a@x.org"]),
        ([("A", "a@x.org")], ["a@x.org", "b@x.org", "b@x.org"], ["a@x.org", "b@x.org"]),
    ],
    ids=["operators only", "admins only", "doubles"],
)
def test_mails_go_to_admins_and_operators_once(
    finished, rows, mailoutbox, settings, admins, operators, recipients
):
    settings.ADMINS, settings.VMOODLE_TECHOPERATOR = admins, operators

    finished("commands/Probe", rows(1))

    [mail] = mailoutbox
    assert mail.to == recipients


def test_without_recipients_nothing_is_sent(
    finished, rows, probe, mailoutbox, settings
):
    settings.ADMINS, settings.VMOODLE_TECHOPERATOR = [], []
    tenants = rows(5)
    probe.script |= {"t0": fails}

    run = finished("commands/Probe", tenants, parallel=1)

    assert run.state == Run.State.FINISHED
    assert mailoutbox == []


def test_a_rolled_back_job_counts_as_failed(run_of, rows, mailoutbox):
    run = run_of("commands/Probe", rows(2), parallel=2)

    claim_next(run, "here:1:1").finish(Job.State.ROLLED_BACK, "put back")

    assert "first failure: https://t0.example.org" in subjects(mailoutbox)
    claim_next(run, "here:1:1").finish(Job.State.SUCCEEDED)
    assert subjects(mailoutbox)[-1] == "finished: 1 succeeded, 1 rolled back"
    assert "put back" in mailoutbox[-1].body
