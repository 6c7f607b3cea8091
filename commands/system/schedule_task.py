from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, register
from commands.proven import ProvenScript
from commands.scheduled import FAILED, SCRIPT, check_completed
from commands.validation import invalid
from tenants import moodledb
from tenants.models import Tenant

CHOICES = ("execute", "enable", "disable", "list")
Words = list[str]  # in the class this name is a field's


# Fields of a task's class.
TASK: dict[str, Any] = {
    "regex": r"^\\?\w+(\\\w+)+$",
    "required": False,
    "max_length": 255,
    "error_messages": {
        "invalid": _("Give the class with its backslashes; a shell wants quotes.")
    },
}


@register
class ScheduleTask(ProvenScript):
    r"""Run one of the site's scheduled tasks now, or switch it on or off.

    Fails when the task fails, which Moodle's own script does not tell. Only Moodle
    4.3 and later can enable and disable.

    Example of attributes: execute=\core\task\session_cleanup_task
    """

    script = SCRIPT
    heeds = FAILED
    not_options = ("debugging",)

    execute = forms.RegexField(help_text=_("Class of the task to run now."), **TASK)
    enable = forms.RegexField(help_text=_("Class of the task to switch on."), **TASK)
    disable = forms.RegexField(help_text=_("Class of the task to switch off."), **TASK)
    list = forms.BooleanField(
        required=False, help_text=_("Only list the tasks and their schedules.")
    )
    debugging = forms.BooleanField(
        required=False, help_text=_("Show everything that helps to find an error.")
    )

    def clean(self) -> None:
        given = [name for name in CHOICES if self.cleaned_data.get(name)]
        if len(given) != 1 and not self.errors:
            raise invalid(_("Choose one of %(choices)s"), choices=", ".join(CHOICES))

    def options(self) -> Words:
        debugging = self.cleaned_data["debugging"]
        return [*super().options(), *(["--showdebugging"] if debugging else [])]

    def prove(self, tenant: Tenant, code: int) -> Json:
        if task := self._named("execute"):
            check_completed(tenant, task, self.since, self.heard)
        elif task := self._named("enable") or self._named("disable"):
            self._check_switched(tenant, task)
        return {"task": task} if task else {"exit_code": code}

    def _named(self, name: str) -> str:
        """Return the class as Moodle stores it, with a leading backslash."""
        text = self.cleaned_data[name].lstrip("\\")
        return f"\\{text}" if text else ""

    def _check_switched(self, tenant: Tenant, task: str) -> None:
        table = moodledb.table(tenant, "task_scheduled")
        sql = f"SELECT disabled FROM {table} WHERE classname = %s"  # noqa: S608
        rows = moodledb.query(tenant.server, sql, [task])
        if [bool(disabled) for (disabled,) in rows] != [bool(self._named("disable"))]:
            raise CommandFailed(f"the task {task} was not switched, says the database")
