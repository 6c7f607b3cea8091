"""Follow a job's steps: store the output as it comes, beat, and heed a cancel."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import OperationalError, close_old_connections, transaction

from commands.base import Command, CommandFailed, Json
from commands.models import Job, Output
from commands.patience import DOWN, patiently
from tenants.models import Tenant

FLUSH = 1.0  # seconds
CHUNK = 60_000  # characters in one row


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
        self.size = self.seq = self.head = self.left_out = 0
        self.half = settings.VMOODLE_OUTPUT_CAP // 2
        self.gap = False  # the buffer has a hole behind the head
        self.unsure = False
        self.tail: deque[tuple[int, int]] = deque()  # (seq, size)
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
        if self.size >= CHUNK and not self.unsure:
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
        if not self.buffer:
            return True
        pieces = self._pieces()
        dropped = self._dropped(pieces)
        fresh = [
            Output(job=self.job, seq=seq, text=text) for seq, text in pieces.items()
        ]
        try:
            with transaction.atomic():
                if self.unsure:  # it may be stored, and only the answer was lost
                    Output.objects.filter(job=self.job, seq__gt=self.seq).delete()
                if dropped:
                    Output.objects.filter(job=self.job, seq__in=dropped).delete()
                Output.objects.bulk_create(fresh)
        except DOWN:
            close_old_connections()
            self.unsure = True
            return False
        self._stored(pieces, len(dropped))
        return True

    def _pieces(self) -> dict[int, str]:
        """Return what to store of the buffer, by number: all that fits the cap.

        A hole in the numbers tells that something was left out there.
        """
        text = "".join(self.buffer).replace("\0", "\N{REPLACEMENT CHARACTER}")
        if len(text) <= self.half and not self.gap:
            self.buffer = [text]
            return {self.seq + 1: text}
        room = 0 if self.tail else self.half - self.head
        head, rest = text[:room], text[room:]
        tail = rest[-self.half :]
        self.left_out += len(rest) - len(tail)
        self.gap = self.gap or len(rest) > len(tail)
        self.buffer, self.size = [head, tail], len(head) + len(tail)
        after = self.seq + (1 if head else 0)
        pieces = {self.seq + 1: head} if head else {}
        return pieces | {after + (2 if self.gap else 1): tail}

    def _dropped(self, pieces: dict[int, str]) -> list[int]:
        """Return the numbers of the oldest pieces behind the head that must go."""
        sizes = [(seq, len(text)) for seq, text in pieces.items()]
        if not self.tail and self.head + sizes[0][1] <= self.half:
            del sizes[0]
        over = sum(size for _seq, size in (*self.tail, *sizes)) - self.half
        dropped = []
        for seq, size in self.tail:
            if over <= 0:
                break
            dropped.append(seq)
            over -= size
        return dropped

    def _stored(self, pieces: dict[int, str], dropped: int) -> None:
        for _piece in range(dropped):
            self.left_out += self.tail.popleft()[1]
        for seq, text in pieces.items():
            if not self.tail and self.head + len(text) <= self.half:
                self.head += len(text)
            else:
                self.tail.append((seq, len(text)))
            self.seq = seq
        self.buffer, self.size, self.gap, self.unsure = [], 0, False, False

    def store_end(self, end: Callable[[int], bool]) -> bool:
        """Store the rest of the output and the end of the job, however long it takes.

        A registry that restarts must not make a job that is done look lost.
        """

        def finish() -> bool:
            if not self.flush():
                raise OperationalError("the output is not stored yet")
            return end(self.left_out)

        return patiently(finish)
