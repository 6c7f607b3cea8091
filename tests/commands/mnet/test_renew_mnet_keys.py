import pytest

from commands.models import Job
from mnet import sites
from tests.commands.conftest import Manage, states
from tests.commands.system.conftest import job_of
from tests.mnet import tables
from tests.mnet.conftest import bind


def test_peers_have_the_new_certificate_and_caches_are_purged(network, finished, asked):
    main, one = tenants = network(2)
    bind(tenants)

    job = job_of(finished("mnet/RenewMnetKeys", [one]))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result["told"] == [main.wwwroot]
    assert asked["payloads"] == [
        ("t1", "mnet", {"mode": "", "auth": False, "roles": []})
    ]
    certificate = sites.read([one])[one.pk].certificate
    assert tables.peers(main)["t1"][1] == certificate
    assert certificate != tables.pair(one.wwwroot).certificate


@pytest.mark.parametrize("name", ["bulkrenewmnetkeys", "bulkrenewmentkeys"])
def test_who_is_off_keeps_the_keys(network, asked, manage, workers, monkeypatch, name):
    _main, one, two = network(3)
    monkeypatch.setattr("commands.cli.check_reach", lambda tenants: None)
    tables.spoil(two, "UPDATE {config} SET value = 'off' WHERE value = 'strict'")

    said = manage(name)

    assert said.code == 0, said
    assert states() == {"t1": Job.State.SUCCEEDED, "t2": Job.State.SKIPPED}


def test_it_is_found_in_the_shell(network, asked, manage: Manage, monkeypatch):
    [one] = network(1)
    monkeypatch.setattr(type(one.release), "read_version", lambda release: None)

    assert manage("renew_mnetkeys", f"--host={one.wwwroot}").code == 0
