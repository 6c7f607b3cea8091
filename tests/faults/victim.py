"""A management command in a process that kills itself at a given place.

The place is `begun:STEP` or `done:STEP` for a step with a journal, `before:MODULE.NAME`
or `after:MODULE.NAME` for a function, `commit:N` for the Nth one of those that shall be
done together. What the agent does inside of Moodle is left out.
It is a fork, as the workers are: Django has started by then.
"""

import inspect
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from django.core.management import execute_from_command_line
from django.db import connections
from MySQLdb.connections import Connection

from tenants import agent, moodledb
from tenants.models import Journal


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def settle(tenant: Any, *_words: Any, **_job: Any) -> Iterator[None]:
    yield None
    return {"wwwroot": tenant.wwwroot, "changed": []}


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


def die_at_commit(number: int) -> None:
    together, commit = moodledb.together, Connection.commit
    done: list[Connection] = []

    def counted(connection: Connection) -> None:
        done.append(connection)
        if len(done) == number:
            die()
        commit(connection)

    def watched(work: Any) -> int:
        Connection.commit = counted
        return together(work)

    moodledb.together = watched


def run(place: str, *words: str) -> None:
    """Run the command; return only if it does not come to that place."""
    when, _colon, where = place.partition(":")
    agent.ask = settle  # type: ignore[assignment]
    if when in {"begun", "done"}:
        die_at_step(when, where)
    elif when == "commit":
        die_at_commit(int(where))
    else:
        die_at_call(when, where)
    execute_from_command_line(["manage.py", *words])


def run_in_a_fork(place: str, *words: str) -> int:
    """Return the code that the process ended with, of a signal below zero."""
    connections.close_all()  # an open SQLite file is not to be shared
    child = os.fork()
    if not child:
        try:
            run(place, *words)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
