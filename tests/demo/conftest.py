"""Two sandbox sites, and commands on both."""

import pytest

from tests.conftest import AddTenant, RunOf
from tests.demo.site import Pair, Told


@pytest.fixture
def pair(add_tenant: AddTenant) -> Pair:
    """Return two sites of 4.3, the first of which is the main tenant."""
    return add_tenant("one", "4.3", is_main=True), add_tenant("two", "4.3")


@pytest.fixture
def told(pair: Pair, finished: RunOf) -> Told:
    """Return a function that runs a command on both, and returns what it says of each.

    That is the sentence why it was not done, or else the state.
    """

    def run(command: str, attributes: str, secrets: str = "") -> list[str]:
        run = finished(command, pair, attributes, secrets=secrets)
        return [job.error or job.state for job in run.jobs.order_by("tenant")]

    return run
