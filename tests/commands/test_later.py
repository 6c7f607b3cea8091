from datetime import timedelta

import pytest

from commands.later import LaterCommand

pytestmark = pytest.mark.django_db


def bound(attributes: str) -> LaterCommand:
    form = LaterCommand.from_attributes(attributes)
    assert form.is_valid(), form.errors
    return form


def minutes(form: LaterCommand) -> set[float]:
    return {form.hold() / timedelta(minutes=1) for _job in range(200)}


def test_each_job_gets_a_time_of_its_own_within_the_spread():
    times = minutes(bound("delay=30&spread=10"))

    assert len(times) > 150
    assert 30 <= min(times) < 31
    assert 39 < max(times) <= 40


def test_an_hour_and_up_to_another_is_the_default():
    times = minutes(bound(""))

    assert 60 <= min(times) < 66
    assert 114 < max(times) <= 120


def test_without_delay_and_spread_nothing_is_held():
    assert minutes(bound("delay=0&spread=0")) == {0}


@pytest.mark.parametrize("bad", ["delay=-1", "spread=x", "delay=10081", "spread=1.5"])
def test_times_that_are_none_are_refused(bad: str):
    assert not LaterCommand.from_attributes(bad).is_valid()
