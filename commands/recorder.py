"""Follow a job's steps: store the output as it comes, beat, and heed a cancel."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from django.conf import settings
from django.db import OperationalError, close_old_connections

from commands.base import Command, CommandFailed, Json, Steps
from commands.models import Job, Output
from commands.patience import DOWN, patiently

FLUSH = 1.0  # seconds
CHUNK = 60_000  # characters in one row


class Cancelled(Exception):
    """An operator asked the job to stop."""


class Lost(Exception):
    """The job was taken away: somebody believes that this process is dead."""


class Recorder:
    """Stores a job's output, at most `VMOODLE_OUTPUT_CAP` characters: head and tail."""

    def __init__(
        self, job: Job, command: Command, echo: Callable[[str], None] | None = None
    ) -> None:
        self.job, self.command, self.echo = job, command, echo
        self.buffer: list[str] = []
        self.size = self.seq = self.head = self.left_out = 0
        self.unsure = False
        self.tail: deque[tuple[int, int]] = deque()  # (seq, size)
        self.beat_at = time.monotonic() + FLUSH
        self.deadline = time.monotonic() + settings.VMOODLE_JOB_MAX_SECONDS
        self.log = self._open_log()

    def follow(self, steps: Steps) -> Json:
        """Run the steps to their end and return their result."""
        try:
            while True:
                self._take(next(steps))
        except StopIteration as end:
            result: Json = end.value
            return result
        finally:
            steps.close()
            if self.log:
                self.log.close()

    def _open_log(self) -> TextIO | None:
        run, tenant = self.job.run, self.job.tenant
        if not run.logroot or tenant is None:
            return None
        name = self.command.bulk_log or type(self.command).__name__.lower()
        path = Path(run.logroot, f"{name}_{tenant.shortname}.log")
        log = path.open("a", encoding="utf-8", buffering=1)
        log.write(f"# run {run.pk}, {tenant.wwwroot}, {self.job.started_at:%F %T %Z}\n")
        return log

    def _take(self, line: str | None) -> None:
        if line is not None:
            self.buffer.append(f"{line}\n")
            self.size += len(line) + 1
            if self.log:
                self.log.write(f"{line}\n")
            if self.echo:
                self.echo(line)
        if self.size >= CHUNK:
            self.flush()
        if time.monotonic() >= self.beat_at:
            self._beat()

    def _beat(self) -> None:
        self.flush()
        self.beat_at = time.monotonic() + FLUSH
        try:
            if not self.job.beat():
                raise Lost
            asked = Job.objects.values_list("cancel_requested", flat=True)
            cancelled = asked.get(pk=self.job.pk)
        except DOWN:
            # The job goes on: its output waits here until the registry is back.
            close_old_connections()
            return
        if cancelled and self.command.interruptible:
            raise Cancelled
        if time.monotonic() > self.deadline:
            raise CommandFailed(
                f"it ran for more than {settings.VMOODLE_JOB_MAX_SECONDS} s "
                "(VMOODLE_JOB_MAX_SECONDS) and was stopped"
            )

    def flush(self) -> bool:
        """Store what was printed since the last time; keep it if that fails."""
        if not self.buffer:
            return True
        text = "".join(self.buffer).replace("\0", "\N{REPLACEMENT CHARACTER}")
        self.buffer, self.size = [text], len(text)
        half = settings.VMOODLE_OUTPUT_CAP // 2
        if len(text) > half:
            self.left_out += len(text) - half
            text = text[-half:]
        try:
            if self.unsure:
                Output.objects.filter(job=self.job, seq=self.seq + 1).delete()
            Output.objects.create(job=self.job, seq=self.seq + 1, text=text)
            self.seq += 1
            self._cap(len(text), half)
        except DOWN:
            close_old_connections()
            self.unsure = True  # it may be stored, and only the answer lost
            return False
        self.buffer, self.size, self.unsure = [], 0, False
        return True

    def _cap(self, size: int, half: int) -> None:
        """Forget the oldest pieces between the head and the tail."""
        if self.head + size <= half and not self.tail:
            self.head += size
            return
        self.tail.append((self.seq, size))
        while sum(size for _seq, size in self.tail) > half:
            seq, dropped = self.tail.popleft()
            Output.objects.filter(job=self.job, seq=seq).delete()
            self.left_out += dropped

    def store_end(self, end: Callable[[int], bool]) -> bool:
        """Store the rest of the output and the end of the job, however long it takes.

        A registry that restarts must not make a job that is done look lost.
        """

        def finish() -> bool:
            if not self.flush():
                raise OperationalError("the output is not stored yet")
            return end(self.left_out)

        return patiently(finish)
