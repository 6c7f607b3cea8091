from collections.abc import Callable

import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError

from commands import patience
from tests.clock import Clock


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(patience, "time", clock)
    monkeypatch.setattr(patience, "close_old_connections", lambda: None)
    return clock


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_it_is_tried_again_until_the_registry_is_back(clock: Clock, error):
    answers = [error, error, None]

    def work() -> str:
        if failure := answers.pop(0):
            raise failure
        return "done"

    assert patience.patiently(work) == "done"
    assert clock.now == 2


def test_patience_has_an_end(clock: Clock, settings):
    settings.VMOODLE_JOB_MAX_SECONDS = 5

    def work() -> None:
        raise OperationalError("gone")

    with pytest.raises(OperationalError, match="gone"):
        patience.patiently(work)

    assert clock.now == 6


def test_other_errors_are_not_waited_out(clock: Clock):
    def work() -> None:
        raise IntegrityError("twice")

    with pytest.raises(IntegrityError):
        patience.patiently(work)

    assert clock.now == 0


def deadlocks(times: int) -> Callable[[], str]:
    answers = [OperationalError(1213, "Deadlock found")] * times

    def transaction() -> str:
        if answers:
            raise answers.pop()
        return "done"

    return transaction


def test_the_victim_of_a_deadlock_begins_anew_at_once(clock: Clock):
    assert patience.past_deadlocks(deadlocks(4))() == "done"
    assert clock.now == 0


def test_deadlock_after_deadlock_is_told():
    with pytest.raises(OperationalError, match="Deadlock"):
        patience.past_deadlocks(deadlocks(5))()


def test_a_registry_that_is_down_is_no_deadlock():
    tried = []

    def transaction() -> None:
        tried.append(1)
        raise OperationalError(2006, "Server has gone away")

    with pytest.raises(OperationalError, match="gone away"):
        patience.past_deadlocks(transaction)()
    assert tried == [1]


def test_what_the_registry_will_never_take_is_told_at_once(clock: Clock):
    def work() -> None:
        raise OperationalError(1366, "Incorrect string value")

    with pytest.raises(DataError, match="1366"):
        patience.patiently(work)

    assert clock.now == 0
