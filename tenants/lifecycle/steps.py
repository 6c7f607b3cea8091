"""Steps with their undo: what is begun on a tenant is finished, or taken back whole.

Which steps have begun stands in the registry before anything is touched. So when the
process dies, whoever comes next can undo them: the reaper, or `manage.py doctor`. An
undo takes away only what bears this work's token, and may be repeated.
"""

import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from django.conf import settings

from tenants import moodledb
from tenants.errors import VMoodleError
from tenants.models import Journal, Tenant
from tenants.moodledb import MoodleDbError

UNDONE = "not undone"  # begins what is told of an undo that failed
Lines = Generator[str | None, None, None]


class LifecycleError(VMoodleError):
    """Something in a tenant's life went wrong: one sentence says what, and on what."""


@dataclass(frozen=True)
class Step:
    """One step: what it does, yielding lines of the log, and what takes it back."""

    name: str
    do: Callable[[], Lines]
    undo: Callable[[], None] | None = None


def refuse_half_done(tenant: Tenant) -> None:
    """Raise LifecycleError if a work on the tenant was cut off, and not yet undone."""
    if half := Journal.objects.filter(tenant=tenant).first():
        raise LifecycleError(f"its {half.work} was cut off: run manage.py doctor --fix")


def carry_out(journal: Journal, steps: Sequence[Step]) -> Lines:
    """Take the steps; when one fails, or this is closed, undo all that have begun."""
    finished = False
    try:
        for step in steps:
            journal.begin(step.name)
            yield f"== {step.name}"
            try:
                yield from step.do()
            except VMoodleError as error:
                raise LifecycleError(f"{step.name}: {error}") from error
        journal.delete()
        finished = True
    finally:
        if not finished:
            failure = sys.exc_info()[1]
            if left := take_back(journal, steps):
                raise LifecycleError(f"{failure or 'it was stopped'}; {left}")


def take_back(journal: Journal, steps: Sequence[Step]) -> str:
    """Undo the steps that have begun, the last first; return what could not be.

    Without a trouble the journal is gone afterwards.
    """
    left = []
    try:
        server, wait = journal.tenant.server, settings.VMOODLE_DATABASE_WAIT
        moodledb.wait_until_up(server, wait)
    except MoodleDbError as error:
        left = [str(error)]
    else:
        for step in reversed(steps):
            if left and step is steps[0]:
                continue  # the journal may go with it, and is needed still
            if step.name in journal.begun and step.undo:
                try:
                    step.undo()
                except VMoodleError as error:
                    left.append(f"{step.name}: {error}")
    text = f"{UNDONE} ({'; '.join(left)}): run manage.py doctor --fix" if left else ""
    _tell(journal, text)
    if not left and journal.pk:
        journal.delete()
    return text


def _tell(journal: Journal, text: str) -> None:
    """Note on the tenant what could not be undone, behind what else is told of it."""
    rows = Tenant.objects.filter(pk=journal.tenant_id)
    for attention in rows.values_list("attention", flat=True):  # it may be gone
        before = attention.partition(UNDONE)[0].removesuffix("; ")
        told = "; ".join(part for part in (before, text) if part)
        if told != attention:
            rows.update(attention=told)
