"""Moodle's scheduled tasks, run now by its script `scheduled_task.php`.

That exits 0 when a task fails, so the task's row in the database tells.
"""

import re
from collections.abc import Iterable, Sequence

from commands.base import CommandFailed, Json
from commands.proven import ProvenScript
from tenants import moodledb
from tenants.models import Tenant

SCRIPT = "admin/cli/scheduled_task.php"
# Moodle prints the task's name, its class in brackets, and what went wrong.
FAILED = r"^Scheduled task failed: .*?\([\w\\]+\),(.*)"


def check_completed(
    tenant: Tenant, task: str, since: int, heard: Iterable[str]
) -> None:
    """Raise CommandFailed unless a task has completed since then, in Unix time.

    `task` is its class from the leading backslash on; `heard` what told of failures.
    """
    table = moodledb.table(tenant, "task_scheduled")
    rows = moodledb.query(
        tenant.server,
        f"SELECT faildelay, lastruntime FROM {table} WHERE classname = %s",  # noqa: S608
        [task],
    )
    delay, completed = rows[0] if rows else (0, 0)
    if delay:
        told = [match[1] for line in heard if (match := re.match(FAILED, line))]
        reason = told[-1] if told else "its output tells why"
        raise CommandFailed(f"the task {task} failed: {reason}")
    if (completed or 0) < since:
        raise CommandFailed(f"the task {task} has not completed: its output tells why")


class TaskScript(ProvenScript):
    """Runs one task."""

    script = SCRIPT
    heeds = FAILED
    task = ""  # its class, from the leading backslash on
    # A list in the site's `config`, and what must be in it for the task to do anything.
    needs: tuple[str, str] = ("", "")

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        setting, plugin = self.needs
        if not setting:
            return {}
        found = moodledb.config(tenants, [setting])
        return {
            pk: f"{plugin} is not among the site's plugins in use ({setting})"
            for pk, config in found.items()
            if not isinstance(config, moodledb.MoodleDbError)
            and plugin not in config.get(setting, "").split(",")
        }

    def options(self) -> list[str]:
        return [f"--execute={self.task}", *super().options()]

    def prove(self, tenant: Tenant, code: int) -> Json:
        check_completed(tenant, self.task, self.since, self.heard)
        return {"task": self.task}
