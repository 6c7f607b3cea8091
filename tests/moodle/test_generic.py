"""The generic commands on a real Moodle."""

import pytest

from tenants import agent, moodledb
from tenants.models import Tenant
from tests.conftest import RunOf

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
Campus = tuple[Tenant, Tenant]


def test_a_setting_is_set_where_moodle_reads_it(campus: Campus, finished: RunOf):
    _main, beta = campus

    run = finished("generic/SetConfig", [beta], "key=vmoodle_test&value=a%26b")
    again = finished("generic/SetConfig", [beta], "key=vmoodle_test&value=a%26b")

    assert run.counts()["succeeded"] == 1, run.jobs.get().error
    assert run.jobs.get().result == {"changed": ["vmoodle_test"]}
    assert moodledb.config_of(beta, ["vmoodle_test"]) == {"vmoodle_test": "a&b"}
    assert again.jobs.get().state == "skipped"
    assert again.jobs.get().error == "it is so already"


def test_a_forced_setting_is_refused(campus: Campus, finished: RunOf):
    _main, beta = campus

    run = finished("generic/SetConfig", [beta], "key=wwwroot&value=http://x")

    job = run.jobs.get()
    assert job.state == "failed"
    assert job.error.startswith("wwwroot is fixed for this site by config.php")


def test_an_operation_that_is_not_there_is_told(campus: Campus):
    with pytest.raises(agent.AgentRefusal, match="no_such_operation"):
        agent.read(campus[1], "no_such_operation", {})
