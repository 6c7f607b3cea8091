"""What it asks of Moodle; tests/moodle/test_system.py has a real one."""

import pytest

from commands.system.setup_redis_instance import SetupRedisInstance
from tests.commands.conftest import Manage, assert_refused
from tests.commands.system.conftest import complaints
from tests.conftest import RunOf

GIVEN = "redisname=r&redishost=10.0.0.1:6379"


def test_each_tenant_of_a_run_has_a_prefix_and_an_index_of_its_own(run_of: RunOf, rows):
    tenants = rows(3)
    run = run_of("system/SetupRedisInstance", tenants, f"{GIVEN}&redisdbid=4")

    told = []
    for job in run.jobs.order_by("tenant"):
        form = run.form()
        form.job = job.pk
        told.append(form.payload(job.tenant)["configuration"])

    assert [one["dbid"] for one in told] == [4, 5, 6]
    assert [one["prefix"] for one in told] == ["t0_", "t1_", "t2_"]


def test_the_password_is_no_attribute(rows):
    [tenant] = rows(1)
    form = SetupRedisInstance.from_attributes(f"{GIVEN}&redispwd=secret&redisprefix=x-")

    assert form.is_valid(), form.errors
    assert "secret" not in form.attributes()
    assert form.payload(tenant) == {
        "name": "r",
        "configuration": {
            "server": "10.0.0.1:6379",
            "prefix": "x-t0_",
            "password": "secret",
        },
        "activate": False,
    }


@pytest.mark.parametrize(
    "attributes",
    [
        "redishost=h",
        "redisname=r",
        "redisname=a/b&redishost=h",
        "redisname=r&redishost=h h",
        "redisname=r&redishost=tls://h",
        f"{GIVEN}&redisprefix=a b",
        f"{GIVEN}&redisdbid=-1",
    ],
)
def test_what_makes_no_sense_is_refused(attributes: str):
    assert len(complaints(SetupRedisInstance, attributes)) == 1


@pytest.mark.parametrize("name", ["setup_redis_instance", "bulksetupredisinstance"])
def test_the_shell_checks_the_host(manage: Manage, bare, workers, name: str):
    host = [] if "bulk" in name else [f"--host={bare.wwwroot}"]

    said = manage(name, *host, "-N", "redis", "-R", "no host")

    assert_refused(said, "redishost: Enter a valid value.")
