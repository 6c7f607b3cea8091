"""Follow a job's steps: store the output as it comes, beat, and heed a cancel."""

import os
import time
from collections.abc import Callable
from io import StringIO

from django.conf import settings
from django.db import close_old_connections, transaction

from commands.base import Command, CommandFailed, Json
from commands.logfile import LogFile
from commands.models import Job
from commands.models.job import PAGE
from commands.patience import DOWN
from commands.statements import change
from tenants.models import Tenant

FLUSH = 1.0  # seconds
# Both may be done again when only the answer was lost.
STORE = "REPLACE INTO commands_output (job_id, seq, text) VALUES (%s, %s, %s)"
DROP = "DELETE FROM commands_output WHERE job_id = %s AND seq > %s AND seq <= %s"


class Cancelled(Exception):
    """An operator asked the job to stop."""

    state = Job.State.CANCELLED


class Recorder:
    """Stores a job's output, at most `VMOODLE_OUTPUT_CAP` characters: head and tail.

    In a shell what is printed also goes to `echo`, and `interrupted` tells of a
    cancel that the registry does not know of.
    """

    def __init__(
        self,
        job: Job,
        echo: Callable[[str], object] = lambda line: None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self.job, self.echo, self.interrupted = job, echo, interrupted
        self.log = LogFile()
        self.buffer = StringIO()
        self.seq, self.page = 1, ""  # the page that grows
        self.fresh: dict[int, str] = {}  # pages that are not stored as they are now
        self.half = max(1, settings.VMOODLE_OUTPUT_CAP // PAGE // 2)  # pages
        self.beat_at = time.monotonic() + FLUSH
        self.deadline = time.monotonic() + settings.VMOODLE_JOB_MAX_SECONDS

    def follow(self, command: Command, tenant: Tenant) -> Json:
        """Run the command's steps to their end and return their result."""
        steps = command.run(tenant)
        try:
            while True:
                self._take(next(steps))
                much = self.buffer.tell() >= PAGE and not self.fresh
                if much or time.monotonic() >= self.beat_at:
                    self._beat(command)
        except StopIteration as end:
            result: Json = end.value
            return result
        finally:
            steps.close()

    def _take(self, line: str | None) -> None:
        if line is not None:
            self.buffer.write(f"{line}\n{self.log.write(line)}")
            self.echo(line)

    def _beat(self, command: Command) -> None:
        self.beat_at = time.monotonic() + FLUSH
        try:
            if not self.store(self.job.beat):
                # Somebody believes that this process is dead, and undoes what it did.
                # To do so here as well would meet that, or a next job on the tenant.
                said = f"{self.job} looked dead: another worker ends it, see its page\n"
                os.write(2, said.encode())
                os._exit(1)  # its PHP dies with it
            asked = Job.objects.values_list("cancel_requested", flat=True)
            cancelled = asked.get(pk=self.job.pk) or self.interrupted()
        except DOWN:
            # The job goes on: its output waits here until the registry is back.
            close_old_connections()
            return
        if cancelled and command.interruptible:
            raise Cancelled("cancelled by an operator while it ran")
        if time.monotonic() > self.deadline:
            raise CommandFailed(
                f"it ran for more than {settings.VMOODLE_JOB_MAX_SECONDS} s "
                "(VMOODLE_JOB_MAX_SECONDS) and was stopped"
            )

    def store(self, also: Callable[[], bool] = lambda: True) -> bool:
        """Store what was printed since the last time, and what goes with it.

        What fails may be done again. Returns what `also` returns.
        """
        self._divide()
        with transaction.atomic():
            for seq, page in self.fresh.items():
                change(STORE, self.job.pk, seq, page)
            if self.seq > 2 * self.half:
                change(DROP, self.job.pk, self.half, self.seq - self.half)
            done = also()
        self.fresh = {}
        return done

    def _divide(self) -> None:
        """Make pages of the buffer, and drop those between the head and the tail."""
        if not self.buffer.tell():
            return
        printed = self.buffer.getvalue().replace("\0", "\N{REPLACEMENT CHARACTER}")
        text = self.page + printed
        pages = [text[at : at + PAGE] for at in range(0, len(text), PAGE)]
        self.fresh |= enumerate(pages, self.seq)
        self.seq, self.page = self.seq + len(pages) - 1, pages[-1]
        self.buffer = StringIO()
        hole = range(self.half + 1, self.seq - self.half + 1)
        self.fresh = {seq: page for seq, page in self.fresh.items() if seq not in hole}
