"""Steps of which one fails, as tests of what is undone want it."""

from collections.abc import Callable, Sequence
from typing import Any

from tenants.lifecycle.steps import LifecycleError, Lines, Step

Steps = Callable[[Any], Sequence[Step]]


def failing(
    steps: Steps, name: str, when: str = "behind"
) -> Callable[[Any], list[Step]]:
    """Return the steps, of which one fails: `before` it does anything, or `behind`."""

    def changed(work: Any) -> list[Step]:
        return [
            Step(step.name, _fail(step, when), step.undo) if step.name == name else step
            for step in steps(work)
        ]

    return changed


def _fail(step: Step, when: str) -> Callable[[], Lines]:
    def fail() -> Lines:
        if when == "behind":
            yield from step.do()
        raise LifecycleError("the test wants it so")

    return fail
