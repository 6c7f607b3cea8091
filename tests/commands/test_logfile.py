import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import tasks
from commands.base import Command, CommandFailed, Steps
from commands.claim import claim_next
from commands.logfile import LogFile
from commands.models import Job
from commands.recorder import Recorder
from tests.commands.probe import raises

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


@pytest.fixture
def job(run_of, rows, tmp_path: Path) -> Job:
    found = claim_next(run_of("commands/Probe", rows(1)), "here:1:1")
    found.run.logroot = str(tmp_path)
    return found


def logged(directory: Path) -> list[str]:
    """Return what follows the heading of the one log."""
    [log] = directory.iterdir()
    return log.read_text(encoding="utf-8").splitlines()[1:]


def says(*lines: str) -> Callable[[Command], Steps]:
    def run(command: Command) -> Steps:
        yield from lines

    return run


def test_the_log_file_has_the_whole_output(job: Job, probe, settings, tmp_path: Path):
    settings.VMOODLE_OUTPUT_CAP = 10
    log = tmp_path / "probe_t0.log"
    log.write_text("of a former run\n")
    probe.script = {"t0": says("a line that is too long", "é")}

    tasks.execute(job)

    former, heading, *rest = log.read_text(encoding="utf-8").splitlines()
    assert former == "of a former run"
    assert heading.startswith(f"# run {job.run_id}, https://t0.example.org, 20")
    assert rest == ["at t0", "a line that is too long", "é", "# succeeded"]


def test_the_log_file_tells_how_the_job_ended(job: Job, probe, tmp_path: Path):
    probe.script = {"t0": raises(CommandFailed("it is no good"))}

    tasks.execute(job)

    assert logged(tmp_path)[-2:] == ["about to fail", "# failed: it is no good"]


def test_the_log_file_of_a_job_that_succeeded_says_so(job: Job, tmp_path: Path):
    tasks.execute(job)

    assert logged(tmp_path) == ["at t0", "# succeeded"]


def test_the_log_file_tells_why_a_job_did_not_even_begin(job: Job, tmp_path: Path):
    job.tenant.attention = "two jobs met"

    tasks.execute(job)

    assert logged(tmp_path) == ["# failed: the tenant needs attention: two jobs met"]


def test_the_log_file_tells_that_the_worker_died(job: Job, tmp_path: Path):
    (tmp_path / "probe_t0.log").write_text("# run 1\nat t0\n")

    tasks.bury(job, "here:1:1")

    *_before, heading, end = logged(tmp_path)
    assert heading.startswith(f"# run {job.run_id}, https://t0.example.org, 20")
    assert end.startswith("# failed: its worker died (here:1:1)")


def test_a_worker_that_died_where_the_logs_are_out_of_reach(job: Job, probe):
    job.run.logroot = "/nowhere"

    tasks.bury(job, "here:1:1")

    assert job.state == Job.State.FAILED
    assert job.error.startswith("its worker died")
    assert "cleaning up failed" not in job.error


def test_an_end_that_cannot_be_logged_does_no_harm(job: Job, probe, tmp_path: Path):
    def remove(_command):
        shutil.rmtree(tmp_path)
        yield "done"

    probe.script = {"t0": remove}

    tasks.execute(job)

    assert job.state == Job.State.SUCCEEDED


def test_a_run_without_log_files_writes_none(job: Job, tmp_path: Path):
    job.run.logroot = ""
    log = LogFile()

    log.open(job, Command())
    assert log.write("told") == ""

    assert list(tmp_path.glob("*.log")) == []


def test_a_log_file_that_cannot_be_opened_is_told_before_anything_is_done(
    job: Job, tmp_path: Path
):
    job.run.logroot = str(tmp_path / "gone")

    tasks.execute(job)

    assert job.state == Job.State.FAILED
    assert re.match("--logroot: .*: No such file", job.error)
    assert job.text()[0] == ""


def test_a_full_disk_under_the_log_file_does_not_stop_the_job(job: Job):
    found = Recorder(job)
    found.log.file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - it closes it
    found._take("first")
    found._take("second")

    found.store()

    assert job.text()[0] == (
        "first\n[the log file is not written any more: [Errno 28] No space left on "
        "device]\nsecond\n"
    )
