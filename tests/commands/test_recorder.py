from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection
from django.db.models import Q

from commands import recorder
from commands.base import Command, CommandFailed, Steps
from commands.claim import claim_next
from commands.models import Job, Output
from commands.models import job as job_module
from commands.recorder import Cancelled, Recorder
from tests.clock import Clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]

# A connection that failed is closed, which a test's own transaction would not survive.
autocommit = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(recorder, "time", clock)
    return clock


@pytest.fixture
def job(run_of, rows) -> Job:
    found = claim_next(run_of("commands/Probe", rows(1)), "here:1:1")
    assert found
    return found


def follow(job: Job, steps: Callable[[], Steps], **values) -> Recorder:
    """Follow the steps and store the rest, as a worker does."""
    found = Recorder(job, **values)
    try:
        found.follow(command_of(steps), job.tenant)
    finally:
        found.store()
    return found


def command_of(steps: Callable[[], Steps]) -> Command:
    command = Command()
    command.run = lambda tenant: steps()
    return command


def lines(*texts: str) -> Callable[[], Steps]:
    def steps() -> Steps:
        yield from texts

    return steps


@contextmanager
def registry_down(table: str = "commands_output") -> Iterator[None]:
    """Let statements on a table fail as those of a server that is gone."""

    def refuse(execute, sql, params, many, context):
        if table in sql:
            raise OperationalError(2006, "Server has gone away")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


def test_the_result_of_the_steps_is_returned(job: Job):
    def steps() -> Steps:
        yield "at work"
        return {"answer": 42}

    result = Recorder(job).follow(command_of(steps), job.tenant)

    assert result == {"answer": 42}


def test_output_is_stored_each_second_while_the_job_runs(job: Job, clock: Clock):
    seen = []

    def steps() -> Steps:
        for number in range(4):
            clock.sleep(0.6)
            yield f"line {number}"
            seen.append(job.text()[0].count("line"))

    follow(job, steps)

    assert seen == [0, 2, 2, 4]


def test_a_silent_job_beats(job: Job, clock: Clock):
    Job.objects.update(heartbeat_at=None)

    def steps() -> Steps:
        for _tick in range(3):
            clock.sleep(0.5)
            yield None

    follow(job, steps)

    job.refresh_from_db()
    assert job.heartbeat_at
    assert not job.output.exists()


def test_a_job_that_prints_much_does_not_wait_for_the_second(job: Job, clock: Clock):
    stored = []

    def steps() -> Steps:
        for _line in range(4):
            yield "x" * 30_000
            stored.append(Output.objects.count())

    follow(job, steps)

    assert stored == [0, 0, 2, 2]


def test_what_was_printed_before_a_failure_is_stored(job: Job):
    def steps() -> Steps:
        yield "half way"
        raise CommandFailed("no")

    with pytest.raises(CommandFailed):
        follow(job, steps)

    assert job.text()[0] == "half way\n"


def test_lines_are_echoed(job: Job):
    echoed: list[str] = []

    follow(job, lines("a", "b"), echo=echoed.append)

    assert echoed == ["a", "b"]


def test_a_cancel_stops_the_steps(job: Job, clock: Clock):
    closed = []

    def steps() -> Steps:
        try:
            while True:
                clock.sleep(1)
                yield "on and on"
                job.run.cancel("alice", Q(pk=job.pk))
        finally:
            closed.append(True)

    with pytest.raises(Cancelled) as caught:
        follow(job, steps)

    # The error refers to the steps: they have been closed, not only forgotten.
    assert closed, caught
    assert job.text()[0] == "on and on\n" * 2


def test_a_step_that_must_not_be_cut_off_outlives_a_cancel(job: Job, clock: Clock):
    command = Command()

    def run(tenant) -> Steps:
        command.interruptible = False
        for number in range(3):
            clock.sleep(1)
            yield f"step {number}"
        command.interruptible = True
        clock.sleep(1)
        yield "not reached by the next line"
        yield "never"

    command.run = run
    job.run.cancel("alice", Q(pk=job.pk))

    found = Recorder(job)
    with pytest.raises(Cancelled):
        found.follow(command, job.tenant)

    found.store()
    assert "step 2" in job.text()[0]
    assert "never" not in job.text()[0]


def test_of_a_job_that_was_given_to_another_the_process_ends_with_nothing_undone(
    job: Job, clock: Clock, monkeypatch, capfd
):
    at_the_end: list[list[str]] = []
    undone: list[str] = []

    def end(status: int) -> None:
        at_the_end.append(list(undone))
        raise SystemExit(status)

    def steps() -> Steps:
        try:
            clock.sleep(1)
            yield "still here"
            pytest.fail("it goes on")
        finally:
            undone.append("by this process as well")

    monkeypatch.setattr("os._exit", end)
    Job.objects.update(worker="there:2:2")

    with pytest.raises(SystemExit):
        follow(job, steps)

    assert at_the_end == [[]]
    assert "another worker ends it" in capfd.readouterr().err


def test_a_job_that_never_ends_is_stopped(job: Job, clock: Clock, settings):
    settings.VMOODLE_JOB_MAX_SECONDS = 100

    def steps() -> Steps:
        while True:
            clock.sleep(1)
            yield None

    with pytest.raises(CommandFailed, match="more than 100 s"):
        follow(job, steps)

    assert clock.now == pytest.approx(101, abs=1)


@pytest.fixture
def pages(settings, monkeypatch) -> None:
    """Make pages of ten characters, four of which may be kept."""
    settings.VMOODLE_OUTPUT_CAP = 40
    monkeypatch.setattr(recorder, "PAGE", 10)
    monkeypatch.setattr(job_module, "PAGE", 10)


@pytest.mark.usefixtures("pages")
def test_of_long_output_head_and_tail_are_kept(job: Job):
    follow(job, lines(*[f"line {number:04}" for number in range(1000)]))

    head, hole, tail = job.text()[0].partition(job_module.LEFT_OUT)
    assert head == "line 0000\nline 0001\n"
    assert hole
    assert tail == "line 0998\nline 0999\n"
    assert sorted(job.output.values_list("seq", flat=True)) == [1, 2, 999, 1000]


@pytest.mark.usefixtures("pages")
def test_a_huge_line_is_cut_in_the_middle(job: Job):
    follow(job, lines("a" * 3000 + "z" * 2000))

    head, _hole, tail = job.text()[0].partition(job_module.LEFT_OUT)
    assert head == "a" * 20
    assert tail == "z" * 10 + "\n"  # 5,001 characters: the last page has one


@pytest.mark.usefixtures("pages")
def test_huge_lines_one_after_the_other_keep_the_first_and_the_last(job: Job):
    follow(job, lines("first", *[letter * 3000 for letter in "abcd"]))

    text = job.text()[0]
    assert text.startswith("first\naaaa")
    assert text.endswith("ddd\n")
    assert "b" not in text
    assert job.output.count() == 4


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("number", range(38, 41))
def test_output_that_fits_has_no_hole(job: Job, number: int):
    text = "".join(chr(ord("0") + at % 50) for at in range(number - 1))

    follow(job, lines(text))

    assert job.text() == (f"{text}\n", number)


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("step", [1, 7, 10, 23])
def test_who_follows_the_output_reads_it_once(job: Job, step: int):
    found, read, after = Recorder(job), "", 0
    text = "".join(chr(ord("0") + at % 50) for at in range(40))

    for at in range(0, 40, step):
        found.buffer.write(text[at : at + step])
        assert found.store()
        more, after = job.text(after)
        read += more

    assert (read, after) == (text, 40)


@pytest.mark.usefixtures("pages")
def test_who_follows_too_slowly_is_told_of_a_hole(job: Job):
    found = Recorder(job)
    found._take("a" * 24)
    found.store()
    _text, after = job.text()
    found._take("b" * 59)
    found.store()

    more, end = job.text(after)

    assert (more, end) == (f"{job_module.LEFT_OUT}{'b' * 14}\n", 85)


def test_nul_bytes_do_not_reach_the_registry(job: Job):
    follow(job, lines("a\0b\0"))

    assert job.text()[0] == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}\n"


def not_stored(found: Recorder) -> None:
    with pytest.raises(OperationalError):
        found.store()


@autocommit
def test_what_is_printed_while_the_registry_is_down_is_stored_later(
    job: Job, clock: Clock
):
    def steps() -> Steps:
        yield "before"
        clock.sleep(1)
        yield "last before"
        with registry_down("commands_"):
            for number in range(3):
                clock.sleep(1)
                yield f"meanwhile {number}"
        clock.sleep(1)
        yield "after"

    follow(job, steps)

    assert job.text()[0].split("\n")[:-1] == [
        "before",
        "last before",
        "meanwhile 0",
        "meanwhile 1",
        "meanwhile 2",
        "after",
    ]


@autocommit
def test_output_whose_storing_was_not_confirmed_is_not_doubled(job: Job, clock: Clock):
    found = Recorder(job)
    found._take("once")
    Output.objects.create(job=job, seq=1, text="once\n")  # stored, the answer lost
    with registry_down():
        not_stored(found)

    assert found.store()

    assert job.text()[0] == "once\n"


@autocommit
@pytest.mark.usefixtures("pages")
def test_a_failure_while_old_output_is_dropped_loses_and_doubles_nothing(job: Job):
    found = Recorder(job)
    for letter in "abcd":
        found._take(letter * 9)
        assert found.store()

    def refuse_delete(execute, sql, params, many, context):
        if sql.startswith("DELETE"):
            raise OperationalError(2013, "Lost connection")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse_delete):
        found._take("e" * 9)
        not_stored(found)
    assert found.store()

    head, tail = (f"{a * 9}\n{b * 9}\n" for a, b in ("ab", "de"))
    assert job.text()[0] == f"{head}{job_module.LEFT_OUT}{tail}"


@autocommit
@pytest.mark.usefixtures("pages")
def test_output_that_waits_for_the_registry_is_bounded(job: Job):
    found = Recorder(job)

    with registry_down():
        for number in range(100):
            found._take(f"line {number:04}")
            not_stored(found)
    assert found.buffer.tell() == 0
    assert sum(map(len, found.fresh.values())) <= 40
    assert found.store()

    text = job.text()[0]
    assert text.startswith("line 0000\n")
    assert text.endswith("line 0099\n")
    assert job_module.LEFT_OUT in text
