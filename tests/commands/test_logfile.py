from pathlib import Path

import pytest

from commands.base import Command, CommandFailed, Steps
from commands.claim import claim_next
from commands.logfile import LogFile
from commands.models import Job
from commands.recorder import Recorder
from tenants.models import Tenant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


@pytest.fixture
def job(run_of, rows, tmp_path: Path) -> Job:
    found = claim_next(run_of("commands/Probe", rows(1)), "here:1:1")
    found.run.logroot = str(tmp_path)
    return found


def command_of(*lines: str) -> Command:
    def run(tenant: Tenant) -> Steps:
        yield from lines

    command = Command()
    command.run = run
    return command


def test_the_log_file_has_the_whole_output(job: Job, settings, tmp_path: Path):
    settings.VMOODLE_OUTPUT_CAP = 10
    log = tmp_path / "command_t0.log"
    log.write_text("of a former run\n")

    Recorder(job).follow(command_of("a line that is too long", "é"), job.tenant)

    former, heading, *rest = log.read_text(encoding="utf-8").splitlines()
    assert former == "of a former run"
    assert heading.startswith(f"# run {job.run_id}, https://t0.example.org, 20")
    assert rest == ["a line that is too long", "é"]


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
    found = Recorder(job)

    with pytest.raises(CommandFailed, match="--logroot: .*: No such file"):
        found.follow(command_of("it runs"), job.tenant)

    assert found.buffer.getvalue() == ""


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
