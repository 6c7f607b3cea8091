"""Follow a job's steps: store the output as it comes, beat, and heed a cancel."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import close_old_connections, transaction

from commands.base import Command, CommandFailed, Json
from commands.models import Job, Output
from commands.patience import DOWN, patiently
from commands.statements import change
from tenants.models import Tenant

FLUSH = 1.0  # seconds
CHUNK = 60_000  # characters in one row
STORE = "INSERT INTO commands_output (job_id, seq, text) VALUES (%s, %s, %s)"


class Cancelled(Exception):
    """An operator asked the job to stop."""


class Lost(Exception):
    """The job was taken away: somebody believes that this process is dead."""


class Recorder:
    """Stores a job's output, at most `VMOODLE_OUTPUT_CAP` characters: head and tail."""

    def __init__(
        self,
        job: Job,
        echo: Callable[[str], None] | None = None,
        interrupted: Callable[[], bool] | None = None,
    ) -> None:
        self.job, self.echo, self.interrupted = job, echo, interrupted
        self.log: BinaryIO | None = None
        self.buffer: list[str] = []
        self.size = self.seq = self.left_out = 0
        self.half = self.room = settings.VMOODLE_OUTPUT_CAP // 2
        self.tail: deque[tuple[int, int]] = deque()  # (seq, size), behind the head
        self.fresh: dict[int, str] = {}  # not stored yet
        self.gone: set[int] = set()  # stored, or perhaps, and to be deleted
        self.beat_at = time.monotonic() + FLUSH
        self.deadline = time.monotonic() + settings.VMOODLE_JOB_MAX_SECONDS

    def follow(self, command: Command, tenant: Tenant) -> Json:
        """Run the command's steps to their end and return their result."""
        self.log = self._open_log(command, tenant)
        steps = command.run(tenant)
        try:
            while True:
                self._take(next(steps))
                if time.monotonic() >= self.beat_at:
                    self._beat(command)
        except StopIteration as end:
            result: Json = end.value
            return result
        finally:
            steps.close()
            if self.log:
                self.log.close()

    def _open_log(self, command: Command, tenant: Tenant) -> BinaryIO | None:
        run = self.job.run
        if not run.logroot:
            return None
        name = command.bulk_log or type(command).__name__.lower()
        path = Path(run.logroot, f"{name}_{tenant.shortname}.log")
        try:
            log = path.open("ab", buffering=0)
            started = f"{self.job.started_at:%F %T %Z}"
            log.write(f"# run {run.pk}, {tenant.wwwroot}, {started}\n".encode())
        except OSError as error:
            raise CommandFailed(f"--logroot: {path}: {error.strerror}") from error
        return log

    def _take(self, line: str | None) -> None:
        if line is None:
            return
        self._keep(line)
        if self.log:
            try:
                self.log.write(f"{line}\n".encode())
            except OSError as error:
                # A full disk must not cut off an upgrade.
                self.log.close()
                self.log = None
                self._keep(f"[the log file is not written any more: {error}]")
        if self.echo:
            self.echo(line)
        if self.size >= CHUNK and not self.gone:
            self.flush()

    def _keep(self, line: str) -> None:
        self.buffer.append(f"{line}\n")
        self.size += len(line) + 1

    def _beat(self, command: Command) -> None:
        self.flush()
        self.beat_at = time.monotonic() + FLUSH
        try:
            if not self.job.beat():
                raise Lost
            asked = Job.objects.values_list("cancel_requested", flat=True)
            cancelled = asked.get(pk=self.job.pk) or (
                self.interrupted is not None and self.interrupted()
            )
        except DOWN:
            # The job goes on: its output waits here until the registry is back.
            close_old_connections()
            return
        if cancelled and command.interruptible:
            raise Cancelled
        if time.monotonic() > self.deadline:
            raise CommandFailed(
                f"it ran for more than {settings.VMOODLE_JOB_MAX_SECONDS} s "
                "(VMOODLE_JOB_MAX_SECONDS) and was stopped"
            )

    def flush(self) -> bool:
        """Store what was printed since the last time; keep it if that fails."""
        try:
            return not (self.buffer or self.fresh) or self._store()
        except DOWN:
            close_old_connections()
            return False

    def store_end(self, end: Callable[[int], bool]) -> bool:
        """Store the rest of the output and the end of the job, however long it takes.

        A registry that restarts must not make a job that is done look lost.
        """
        return patiently(lambda: self._store(lambda: end(self.left_out)))

    def _store(self, end: Callable[[], bool] | None = None) -> bool:
        self._divide()
        try:
            with transaction.atomic():
                if self.gone:
                    Output.objects.filter(job=self.job, seq__in=self.gone).delete()
                for seq, text in self.fresh.items():
                    change(STORE, self.job.pk, seq, text)
                ended = end is None or end()
        except DOWN:
            self.gone |= self.fresh.keys()  # perhaps only the answer was lost
            raise
        self.fresh, self.gone = {}, set()
        return ended

    def _divide(self) -> None:
        """Make rows of the buffer, and drop what goes beyond the cap.

        A hole in their numbers tells that something was left out there.
        """
        text = "".join(self.buffer).replace("\0", "\N{REPLACEMENT CHARACTER}")
        self.buffer, self.size = [], 0
        if self.room < len(text) <= self.half:
            self.room = 0  # it begins the tail, whole
        head, rest = text[: self.room], text[self.room :]
        self.room -= len(head)
        if head:
            self.seq += 1
            self.fresh[self.seq] = head
        if rest:
            kept = rest[-self.half :]
            self.left_out += len(rest) - len(kept)
            self.seq += 1 if kept == rest else 2
            self.fresh[self.seq] = kept
            self.tail.append((self.seq, len(kept)))
        while sum(size for _seq, size in self.tail) > self.half:
            seq, size = self.tail.popleft()
            self.left_out += size
            if self.fresh.pop(seq, None) is None:
                self.gone.add(seq)
