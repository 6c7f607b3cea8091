"""What is asked of a site; tests/moodle/test_mnet_bind.py asks a real one."""

import pytest

from commands.mnet.start_mnet import StartMnet
from commands.models import Job
from mnet import keys, sites
from mnet.models import WebPhp
from tenants import agent
from tests.commands.conftest import Manage, states
from tests.commands.system.conftest import job_of
from tests.conftest import RunOf
from tests.mnet import tables

START = "mnet/StartMnet"
ON = {"mode": "strict", "auth": False, "roles": []}


def changed(*_asked):
    return {"changed": ["MNet is on"]}


def test_a_site_without_keys_gets_some_and_is_switched_on(network, finished, asked):
    [one] = network(1, keys=False)
    asked["answer"] = changed

    job = job_of(finished(START, [one]))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert asked["payloads"] == [("t0", "mnet", ON)]
    assert job.result["changed"] == ["MNet is on"]
    site = sites.read([one])[one.pk]
    assert site.trouble_with_keys == ""
    assert keys.is_for(site.certificate, one.wwwroot)
    assert job.result["web_opens_rc4"] == "yes"


def test_a_web_php_without_rc4_is_a_warning_with_what_mends_it(
    network, finished, asked, web
):
    [one] = network(1, keys=False)
    asked["answer"] = changed
    web[one.wwwroot] = (WebPhp.Opens.NO, "")

    job = job_of(finished(START, [one]))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result["warning"].startswith("the PHP that serves it has no RC4")
    assert "Warning: the PHP that serves it has no RC4" in job.text()[0]
    assert "-fpm    (the service of the PHP that serves the sites)" in job.text()[0]


def test_what_is_on_is_left_alone_unless_new_keys_are_wanted(network, finished, asked):
    [one] = network(1)

    first = job_of(finished(START, [one]))
    second = job_of(finished(START, [one], "newkey=1"))

    assert first.state == Job.State.SKIPPED
    assert first.error.startswith("MNet is on; its keys serve until 2")
    assert second.state == Job.State.SUCCEEDED
    assert len(asked["payloads"]) == 1
    assert sites.read([one])[one.pk].certificate != tables.pair(one.wwwroot).certificate


def test_caches_that_could_not_be_purged_are_told(network, finished, asked):
    [one] = network(1, keys=False)

    def refuse(*_asked):
        raise agent.AgentRefusal("no")

    asked["answer"] = refuse
    job = job_of(finished(START, [one]))

    assert job.state == Job.State.FAILED
    assert job.error.startswith("no; its new keys are stored, but its caches may hold")


def test_a_release_without_mnet_is_skipped(tenant, finished: RunOf):
    job = job_of(finished(START, [tenant]))

    assert job.state == Job.State.SKIPPED
    assert job.error == "the code of 4.2 has no MNet, which Moodle has up to 4.5"


def test_a_worker_that_died_leaves_no_stale_cache(network, monkeypatch):
    [one] = network(1)
    told = []

    def read(*asked):
        told.append(asked)
        raise agent.AgentNothingToDo("it is so already")

    monkeypatch.setattr(agent, "read", read)

    StartMnet.from_attributes("").recover(one)

    assert told == [(one, "mnet", {"mode": "", "auth": False, "roles": []})]


@pytest.mark.parametrize("name", ["start_mnet", "start_mnet_node"])
def test_it_is_found_in_the_shell(network, asked, manage: Manage, monkeypatch, name):
    [one] = network(1, keys=False)
    monkeypatch.setattr(type(one.release), "read_version", lambda release: None)
    asked["answer"] = changed

    said = manage(name, f"--host={one.wwwroot}")

    assert said.code == 0, said
    assert "new keys, which serve until" in said.out


def test_many_are_started_by_one_line(network, asked, manage, workers, monkeypatch):
    network(3, keys=False)
    monkeypatch.setattr("commands.cli.check_reach", lambda tenants: None)
    asked["answer"] = changed

    said = manage("bulkstartmnet", "--with-master")

    assert said.code == 0, said
    assert states() == dict.fromkeys(("t0", "t1", "t2"), Job.State.SUCCEEDED)
