"""The log file that each job of a run with `--logroot` writes beside its output."""

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from commands.base import Command, CommandFailed
from commands.models import Job


class LogFile:
    """The log of one job, appended to `DIR/<command>_<short name>.log`.

    Without `--logroot`, or once the disk is full, nothing is written.
    """

    file: BinaryIO | None = None
    path: Path | None = None

    def open(self, job: Job, command: Command) -> None:
        """Open it with a heading, if the run wants one; raise CommandFailed."""
        if not job.run.logroot or job.tenant is None:
            return
        name = command.bulk_log or type(command).__name__.lower()
        path = Path(job.run.logroot, f"{name}_{job.tenant.shortname}.log")
        try:
            self.file = path.open("ab", buffering=0)
            self.path = path
            started = f"{job.started_at:%F %T %Z}"
            heading = f"# run {job.run_id}, {job.tenant.wwwroot}, {started}\n"
            self.file.write(heading.encode())
        except OSError as error:
            raise CommandFailed(f"--logroot: {path}: {error.strerror}") from error

    def write(self, line: str) -> str:
        """Write a line; return what to say if none is written from now on.

        A full disk must not cut off an upgrade.
        """
        try:
            if self.file:
                self.file.write(f"{line}\n".encode())
        except OSError as error:
            self.close()
            return f"[the log file is not written any more: {error}]\n"
        return ""

    def close(self) -> None:
        if self.file:
            self.file.close()
        self.file = None

    def end(self, job: Job) -> None:
        """Add how the job ended, which is known when nothing else is written."""
        self.close()
        if self.path and job.state not in Job.OPEN:
            said = f"# {job.state.replace('_', ' ')}: {job.error}".removesuffix(": ")
            with suppress(OSError), self.path.open("ab") as file:
                file.write(f"{said}\n".encode(errors="replace"))
