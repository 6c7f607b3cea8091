"""A management command in a process that kills itself at a given place.

    python -m tests.faults.victim PLACE COMMAND WORD...

PLACE is `begun:STEP` or `done:STEP` for a step with a journal, `before:MODULE.NAME` or
`after:MODULE.NAME` for a function. What the agent does inside
of Moodle is left out.
"""

import inspect
import os
import signal
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import django

django.setup()

from django.core.management import execute_from_command_line  # noqa: E402

from tenants import agent  # noqa: E402
from tenants.models import Journal  # noqa: E402


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def settle(tenant: Any, *_words: Any, **_job: Any) -> Iterator[None]:
    yield None
    return {"wwwroot": tenant.wwwroot}


def die_at_step(when: str, step: str) -> None:
    begin, delete = Journal.begin, Journal.delete

    def watched(journal: Journal, name: str) -> None:
        if when == "done" and journal.begun[-1:] == [step]:
            die()
        begin(journal, name)
        if when == "begun" and name == step:
            die()

    def at_end(journal: Journal) -> Any:
        if when == "done" and journal.begun[-1:] == [step]:
            die()
        return delete(journal)

    Journal.begin, Journal.delete = watched, at_end  # type: ignore[method-assign, assignment]


def die_at_call(when: str, path: str) -> None:
    name, _dot, attribute = path.rpartition(".")
    module = import_module(name)
    original: Callable[..., Any] = getattr(module, attribute)

    def follow(steps: Any) -> Iterator[Any]:
        yield from steps
        die()

    def watched(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die()
        result = original(*args, **kwargs)
        if inspect.isgenerator(result):
            return follow(result)
        die()

    setattr(module, attribute, watched)


when, _colon, place = sys.argv[1].partition(":")
agent.ask = settle  # type: ignore[assignment]
if when in {"begun", "done"}:
    die_at_step(when, place)
elif when:
    die_at_call(when, place)
execute_from_command_line(["manage.py", *sys.argv[2:]])
