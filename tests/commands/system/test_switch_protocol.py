"""What becomes of registry and peers; tests/moodle/test_system.py has a real site."""

from pathlib import Path

import pytest

from commands.models import Job
from commands.system.switch_protocol import SwitchProtocol
from tenants import moodledb
from tenants.lifecycle import rename, steps
from tenants.models import Tenant
from tenants.serving import publish
from tests.commands.conftest import Manage
from tests.commands.system.conftest import job_of, put_script
from tests.conftest import AddTenant, RunOf

SWITCH = "system/SwitchProtocol"


@pytest.fixture
def peers(add_tenant: AddTenant) -> list[Tenant]:
    """Return two tenants of which the second knows the first as an MNet peer."""
    made = [
        add_tenant(name, install=False, wwwroot=f"http://{name}.example.org")
        for name in ("one", "two")
    ]
    for tenant in made:
        hosts = moodledb.table(tenant, "mnet_host")
        moodledb.execute(
            tenant.server, f"CREATE TABLE {hosts} (id INT, wwwroot VARCHAR(255))"
        )
        for number, known in enumerate(made):
            insert = f"INSERT INTO {hosts} VALUES (%s, %s)"
            moodledb.execute(tenant.server, insert, [number, known.wwwroot])
    put_script(made[0], rename.PURGE)
    return made


def known(tenant: Tenant) -> list[str]:
    hosts = moodledb.table(tenant, "mnet_host")
    sql = f"SELECT wwwroot FROM {hosts} ORDER BY id"
    return [name for (name,) in moodledb.query(tenant.server, sql)]


def published(tenant: Tenant) -> str:
    return Path(publish.boot_file(tenant.key)).read_text()


def test_registry_and_peers_have_the_new_address(finished: RunOf, peers):
    one, two = peers

    job = job_of(finished(SWITCH, [one], "protocol=https"))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result == {
        "wwwroot": "https://one.example.org",
        "before": "http://one.example.org",
    }
    one.refresh_from_db()
    assert one.wwwroot == "https://one.example.org"
    assert "'https://one.example.org'" in published(one)
    for tenant in peers:
        assert known(tenant) == ["https://one.example.org", two.wwwroot]


def test_the_texts_are_replaced_when_asked(finished: RunOf, peers):
    one = peers[0]
    pages = moodledb.table(one, "page")
    moodledb.execute(one.server, f"CREATE TABLE {pages} (id INT, content TEXT)")
    insert = f"INSERT INTO {pages} VALUES (1, 'http://one.example.org/x')"
    moodledb.execute(one.server, insert)

    for attributes, text in (
        ("protocol=https&content=1", "https://one.example.org/x"),
        ("protocol=http", "https://one.example.org/x"),
    ):
        job = job_of(finished(SWITCH, [one], attributes))
        assert job.state == Job.State.SUCCEEDED, job.error
        content = f"SELECT content FROM {pages}"
        assert moodledb.query(one.server, content) == [(text,)]


def test_a_failure_leaves_everything_as_it_was(finished: RunOf, peers):
    one = peers[0]
    before = known(one)
    put_script(one, rename.PURGE, 'fwrite(STDERR, "no room\\n"); exit(1);')

    job = job_of(finished(SWITCH, [one], "protocol=https"))

    assert job.state == Job.State.FAILED
    assert "no room" in job.error
    one.refresh_from_db()
    assert one.wwwroot == "http://one.example.org"
    assert "'http://one.example.org'" in published(one)
    assert [known(tenant) for tenant in peers] == [before, before]


def test_a_worker_that_dies_leaves_nothing_half_done(run_of: RunOf, peers, monkeypatch):
    one = peers[0]
    before = known(one)
    run = run_of(SWITCH, [one], "protocol=https")
    command = run.form()
    command.job = run.jobs.get().pk
    lines = command.run(Tenant.objects.with_edges().get(pk=one.pk))
    while "knows its MNet peer" not in next(lines):
        pass
    monkeypatch.setattr(steps, "take_back", lambda *args: "")
    lines.close()  # as killed: nothing is taken back
    monkeypatch.undo()
    now = Tenant.objects.with_edges().get(pk=one.pk)
    assert now.wwwroot == "https://one.example.org"

    command.recover(now)

    one.refresh_from_db()
    assert one.wwwroot == "http://one.example.org"
    assert [known(tenant) for tenant in peers] == [before, before]


def test_a_peer_of_the_new_name_is_in_the_way(finished: RunOf, peers):
    hosts = moodledb.table(peers[1], "mnet_host")
    insert = f"INSERT INTO {hosts} VALUES (9, 'https://one.example.org')"
    moodledb.execute(peers[1].server, insert)

    job = job_of(finished(SWITCH, [peers[0]], "protocol=https"))

    assert job.error == (
        "http://two.example.org knows an MNet peer https://one.example.org: delete "
        "it first"
    )


def test_one_that_has_it_already_is_skipped(run_of: RunOf, peers):
    job = job_of(run_of(SWITCH, [peers[0]], "protocol=http"))

    assert (job.state, job.error) == (
        Job.State.SKIPPED,
        "it has this address already",
    )


def test_the_shell_has_both_forms(manage: Manage, peers, workers):
    put_script(peers[1], rename.PURGE)

    one = manage("switch_protocol", "--host=http://one.example.org", "-p", "https")
    many = manage("bulkswitchprotocol", "--protocol=https", "--yes")

    assert (one.code, many.code) == (0, 0), (one, many)
    found = Tenant.objects.order_by("pk").values_list("wwwroot", flat=True)
    assert list(found) == ["https://one.example.org", "https://two.example.org"]


def test_a_scheme_that_is_none_is_refused():
    assert not SwitchProtocol.from_attributes("protocol=ftp").is_valid()
