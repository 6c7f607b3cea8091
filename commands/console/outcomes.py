"""A small result of a job in a line, in the language of its reader."""

import json
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast, Substr
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from commands.base import Json
from commands.models import Job

BRIEF = 300  # characters of a result that is told in a line
YES_NO = {True: _("yes"), False: _("no")}
# What the names in results of our commands are called; elsewhere they are as here.
WORDS = {
    "account": pgettext_lazy("result", "account"),
    "activities": pgettext_lazy("result", "activities"),
    "after": pgettext_lazy("result", "after"),
    "before": pgettext_lazy("result", "before"),
    "bytes": pgettext_lazy("result", "bytes"),
    "categories": pgettext_lazy("result", "categories"),
    "changed": pgettext_lazy("result", "changed"),
    "closed": pgettext_lazy("result", "closed"),
    "code_version": pgettext_lazy("result", "code version"),
    "converted": pgettext_lazy("result", "converted"),
    "courses": pgettext_lazy("result", "courses"),
    "data_path": pgettext_lazy("result", "data path"),
    "database": pgettext_lazy("result", "database"),
    "deleted": pgettext_lazy("result", "deleted"),
    "done": pgettext_lazy("result", "done"),
    "dump_bytes": pgettext_lazy("result", "dump bytes"),
    "enabled": pgettext_lazy("result", "enabled"),
    "enrolled": pgettext_lazy("result", "enrolled"),
    "file": pgettext_lazy("result", "file"),
    "file_bytes": pgettext_lazy("result", "file bytes"),
    "files": pgettext_lazy("result", "files"),
    "gone": pgettext_lazy("result", "gone"),
    "intact": pgettext_lazy("result", "intact"),
    "maintenance": pgettext_lazy("result", "maintenance"),
    "mended": pgettext_lazy("result", "mended"),
    "network": pgettext_lazy("result", "network"),
    "plan": pgettext_lazy("result", "plan"),
    "recovered": pgettext_lazy("result", "recovered"),
    "registrations": pgettext_lazy("result", "registrations"),
    "rows": pgettext_lazy("result", "rows"),
    "safety": pgettext_lazy("result", "safety"),
    "seconds_down": pgettext_lazy("result", "seconds down"),
    "server": pgettext_lazy("result", "server"),
    "skipped": pgettext_lazy("result", "skipped"),
    "snapshot": pgettext_lazy("result", "snapshot"),
    "status": pgettext_lazy("result", "status"),
    "tables": pgettext_lazy("result", "tables"),
    "updated": pgettext_lazy("result", "updated"),
    "users": pgettext_lazy("result", "users"),
    "verified": pgettext_lazy("result", "verified"),
    "version": pgettext_lazy("result", "version"),
    "visible": pgettext_lazy("result", "visible"),
    "warning": pgettext_lazy("result", "warning"),
    "web_opens_rc4": pgettext_lazy("result", "web opens rc4"),
}


def with_outcomes(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Return jobs for `outcome`, without their results: one may be a megabyte."""
    text = Cast("result", TextField())
    return jobs.defer("result").annotate(brief=Substr(text, 1, BRIEF + 1))


def outcome(job: Job) -> str:
    """Return a small result in a line, "" for none or a large one."""
    brief: str = getattr(job, "brief", None) or ""  # by with_outcomes
    if len(brief) > BRIEF:
        return ""
    result = json.loads(brief or "{}")
    if not isinstance(result, dict) or any(
        isinstance(value, dict | list) for value in result.values()
    ):
        return ""
    return " · ".join(
        f"{WORDS.get(name) or name.replace('_', ' ')} {_told(value)}"
        for name, value in result.items()
        if value is not None and name != "exit_code"
    )


def _told(value: Json) -> Any:
    return YES_NO[value] if isinstance(value, bool) else value
