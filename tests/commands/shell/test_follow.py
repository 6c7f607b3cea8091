import json
import re
import threading
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management.base import BaseCommand
from django.db import OperationalError, connection
from django.utils import timezone, translation

from commands import tasks
from commands.base import CommandFailed, Steps
from commands.claim import claim_next
from commands.models import Run
from commands.shell import follow
from tests.patience import PATIENCE

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("probe"),
]


def fail(command) -> Steps:
    yield "about to fail"
    raise CommandFailed("no")


@pytest.fixture
def work():
    """Return a function that starts a worker for a run."""
    threads: list[threading.Thread] = []

    def start(run: Run) -> None:
        def lane() -> None:
            tasks.lane(run.pk)
            connection.close()

        threads.append(threading.Thread(target=lane))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()


def test_what_a_run_waits_for_is_told_once(run_of, rows, work, monkeypatch):
    monkeypatch.setattr(tasks, "BLOCKED", PATIENCE)
    tenants = rows(2)
    other = run_of("commands/Probe", tenants, parallel=2)
    jobs = [claim_next(other, "here:1:1") for _tenant in tenants]
    run = run_of("commands/Probe", tenants)

    def end() -> None:
        time.sleep(2.5 * follow.ESTIMATE)
        for job in jobs:
            job.finish("succeeded")
        connection.close()

    thread = threading.Thread(target=end)
    thread.start()
    work(run)
    lines = followed(run).getvalue().splitlines()
    thread.join()

    assert lines[0] == f"Tenants are busy with run {other}: their jobs wait"
    assert len(lines) == 4


class Screen(StringIO):
    """What is printed, and how many jobs had ended when each line came."""

    def __init__(self, run: Run, told: threading.Semaphore) -> None:
        super().__init__()
        self.run, self.times, self.told = run, [], told

    def write(self, text: str) -> int:
        if text.startswith(("succeeded", "failed", "skipped", "cancelled")):
            self.times.append(Run.objects.get(pk=self.run.pk).done)
            self.told.release()
        return super().write(text)


def followed(
    run: Run,
    *,
    code: int = 0,
    as_json=False,
    verbose=False,
    told: threading.Semaphore | None = None,
) -> Screen:
    screen, ended_with = Screen(run, told or threading.Semaphore()), 0
    try:
        command = BaseCommand(stdout=screen)
        follow.follow(run, command, as_json=as_json, verbose=verbose)
    except SystemExit as end:
        ended_with = end.code
    assert ended_with == code
    return screen


def test_each_job_is_told_once_when_it_ends(run_of, rows, probe, work, monkeypatch):
    monkeypatch.setattr(follow, "INTERVAL", 0.05)
    told = threading.Semaphore()  # how many jobs may end: one more than were told

    def step(command) -> Steps:
        time.sleep(0.4)
        yield "slept"
        assert told.acquire(timeout=PATIENCE)

    probe.script = {f"t{n}": step for n in range(3)}
    run = run_of("commands/Probe", rows(3), parallel=1)
    work(run)

    screen = followed(run, told=told)

    lines = screen.getvalue().splitlines()
    assert screen.times == [1, 2, 3]
    assert [line.split()[:2] for line in lines[:-1]] == [
        ["succeeded", f"https://t{n}.example.org"] for n in range(3)
    ]
    took = re.compile(r" (0\.[4-9]|[1-9]\.\d) s$")
    assert all(took.search(line) for line in lines[:-1]), lines
    assert lines[-1] == f"Run {run.pk} finished: 3 succeeded"


def test_failures_and_skips_are_told_with_their_reason(finished, rows, probe):
    tenants = rows(3)
    probe.script = {"t1": fail}
    probe.skipped = {tenants[0].pk: "fine"}
    run = finished("commands/Probe", tenants, parallel=1)

    lines = followed(run, code=1).getvalue().splitlines()

    assert lines[0] == "skipped   https://t0.example.org: fine"
    assert lines[1].startswith("failed    https://t1.example.org")
    assert lines[1].endswith(" s: no")
    assert lines[-1] == f"Run {run.pk} finished: 1 succeeded, 1 failed, 1 skipped"


def test_output_is_printed_when_asked(finished, rows, probe):
    run = finished("commands/Probe", rows(1))

    screen = followed(run, verbose=True)

    assert "\nat t0\n" in screen.getvalue()


def test_a_run_that_was_stopped_says_why(run_of, rows):
    run = run_of("commands/Probe", rows(2))
    run.cancel("alice")

    lines = followed(run, code=1).getvalue().splitlines()

    assert lines[-2:] == [f"Run {run.pk} finished: 2 cancelled", "cancelled by alice"]


def test_json_is_the_only_output(finished, rows, probe):
    tenants = rows(2)
    probe.script = {"t1": fail}
    run = finished("commands/Probe", tenants, "word=hello", parallel=1)

    report = json.loads(followed(run, code=1, as_json=True).getvalue())

    assert report["run"] == run.pk
    assert report["command"] == "commands/Probe"
    assert report["seconds"] > 0
    assert {state: n for state, n in report["counts"].items() if n} == {
        "succeeded": 1,
        "failed": 1,
    }
    first, second = report["tenants"]
    assert (first["state"], first["result"]) == ("succeeded", {"word": "hello"})
    assert (second["wwwroot"], second["error"]) == ("https://t1.example.org", "no")


def test_a_registry_that_restarts_is_waited_for(finished, rows, monkeypatch):
    monkeypatch.setattr(follow, "INTERVAL", 0)
    run = finished("commands/Probe", rows(1))
    refusals = iter([True, True])

    def refuse(execute, sql, params, many, context):
        if next(refusals, False):
            raise OperationalError(2006, "Server has gone away")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        screen = followed(run)

    assert screen.getvalue().endswith("finished: 1 succeeded\n")


def test_a_terminal_has_a_bar(finished, rows, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    run = finished("commands/Probe", rows(2))

    followed(run)

    assert f"#{run.pk} commands/Probe" in capsys.readouterr().err


def test_a_terminal_is_told_how_long_it_takes_still(finished, run_of, rows):
    tenants = rows(2)
    finished("commands/Probe", tenants).jobs.update(seconds=30)
    run = run_of("commands/Probe", tenants, parallel=1)

    assert follow._left(run) == "about 1 min 0 s left"
    run.cancel("alice")
    run.refresh_from_db()
    assert follow._left(run) == ""


def test_a_time_left_is_told_in_english(finished, run_of, rows):
    tenants = rows(1)
    finished("commands/Probe", tenants).jobs.update(seconds=30)
    run = run_of("commands/Probe", tenants)

    with translation.override("fr"):
        assert follow._left(run) == "about 30.0 s left"


def test_without_a_terminal_there_is_no_bar(finished, rows, capsys):
    followed(finished("commands/Probe", rows(2)))

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("number", "said"), [(1, "1 job waits"), (2, "2 jobs wait")])
def test_what_waits_for_its_time_is_told_first(run_of, rows, probe, number, said):
    probe.held = timedelta(hours=1)
    run = run_of("commands/Probe", rows(number))
    at = timezone.localtime(run.jobs.earliest("not_before").not_before)
    run.cancel("alice")
    run.jobs.update(state="queued")

    screen = followed(run, code=1)

    first = screen.getvalue().splitlines()[0]
    assert first.startswith(f"{said} until {at:%F %T} to ")
