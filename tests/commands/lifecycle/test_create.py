from http.client import HTTPConnection
from pathlib import Path

import pytest

from commands import host, tasks
from commands.models import Job, Run
from tenants import web
from tenants.lifecycle import databases, provision
from tenants.models import (
    HALF_WAY,
    DatabaseServer,
    Journal,
    Release,
    Snapshot,
    Tenant,
)
from tests.commands.conftest import Manage
from tests.commands.lifecycle.conftest import NEW, db_name
from tests.commands.upgrade.conftest import Visitor
from tests.conftest import RunOf

SOURCE = "https://one.example.org"


def words(template: Snapshot, /, **given: str) -> list[str]:
    options = {
        "host": NEW["wwwroot"],
        "name": NEW["name"],
        "shortname": "new",
        "db-name": db_name("new"),
        "template": template.name,
    }
    options |= {name.replace("_", "-"): value for name, value in given.items()}
    filled = {name: value for name, value in options.items() if value}
    named = [f"--{n}" if v == "1" else f"--{n}={v}" for n, v in filled.items()]
    return ["--force-dns", *named]


def test_one_line_makes_a_tenant(manage: Manage, template: Snapshot, settled):
    said = manage("createnode", *words(template, description="Ours"))

    assert said.code == 0, said.err
    new = Tenant.objects.get(shortname="new")
    assert (new.enabled, new.last_state, new.held_by) == (True, "succeeded", None)
    assert new.description == "Ours"
    assert "== load the site" in said.out
    run = Run.objects.get()
    assert (run.command, run.origin) == ("lifecycle/Create", "shell")


def test_the_first_one_may_be_the_main_tenant(
    manage: Manage, template: Snapshot, settled
):
    said = manage("createnode", "--is-main", *words(template, disabled="1"))

    assert said.code == 0, said.err
    assert Tenant.objects.get(is_main=True).shortname == "new"
    again = manage("createnode", "--is-main", *words(template, shortname="x"))
    assert again.code == 2
    assert "--is-main: There is a main tenant already." in again.err


def test_a_login_page_that_does_not_answer_is_a_warning(
    manage: Manage, template: Snapshot, settled
):
    said = manage("createnode", *words(template))

    assert said.code == 0, said.err
    warning = Run.objects.get().jobs.get().result["warning"]
    assert warning.startswith("127.0.0.1:9 does not answer")
    assert f"Warning: login page: {warning}" in said.out
    assert Tenant.objects.get(shortname="new").enabled


def test_the_first_page_of_a_new_site_has_as_long_as_any(
    manage: Manage, template: Snapshot, settled, monkeypatch
):
    waited: list[float] = []

    def connection(host: str, port: int, timeout: float) -> HTTPConnection:
        waited.append(timeout)
        return HTTPConnection(host, port, timeout=timeout)

    monkeypatch.setattr(web, "HTTPConnection", connection)

    assert manage("createnode", *words(template, check_login="1")).code == 1
    assert manage("createnode", *words(template)).code == 0

    assert waited == [web.SECONDS] * 2


def test_one_that_cannot_begin_at_once_leaves_nothing(
    manage: Manage, template: Snapshot, settled, run_of: RunOf
):
    DatabaseServer.objects.update(job_limit=1)
    busy = run_of("lifecycle/Snapshot", [template.tenant])
    busy.jobs.update(state=Job.State.RUNNING, worker=host.this_process())

    said = manage("createnode", *words(template))

    assert said.code == 2
    assert "try again when one has ended; nothing was done" in said.err
    assert not Tenant.objects.filter(shortname="new").exists()


@pytest.mark.parametrize("has_mnet", [False, True])
def test_one_that_cannot_be_bound_is_made(
    manage: Manage, template: Snapshot, settled, has_mnet
):
    Tenant.objects.update(is_main=True)
    tree = Path(Release.objects.get(name="4.2").path)
    for name in ("mnet/lib.php", "auth/mnet/auth.php") if has_mnet else ():
        (tree / name).parent.mkdir(parents=True)
        (tree / name).touch()

    said = manage("createnode", *words(template, disabled="1"))

    assert said.code == 0, said.err
    assert Tenant.objects.filter(shortname="new").exists()
    warning = Run.objects.get().jobs.get().result.get("warning", "")
    if has_mnet:  # in its code alone
        assert "it is not bound to its MNet network: database server db1" in warning
        assert warning.endswith(f"; run init_mnet_node --host={NEW['wwwroot']}")
        assert f"Warning: {warning}" in said.out
    else:
        assert warning == ""
        assert "MNet: the code of 4.2 has no MNet" in said.out


@pytest.mark.parametrize("served", [True, False])
def test_it_may_be_asked_to_answer(
    manage: Manage, template: Snapshot, settled, settings, visitor: Visitor, served
):
    if served:
        port = visitor.port(Release.objects.get(name="4.2").path)
        settings.VMOODLE_WEB_ADDRESS = f"http://127.0.0.1:{port}"

    said = manage("createnode", "--check-login", *words(template))

    job = Run.objects.get().jobs.get()
    assert Tenant.objects.filter(shortname="new", enabled=True).exists() is served
    assert (f"{NEW['wwwroot']} is there" in said.out) is served
    if served:
        assert "/login/index.php answers 200" in said.out, said
        assert "warning" not in job.result
    else:
        assert said.code == 1
        assert "ask for its login page: 127.0.0.1:9 does not answer" in said.err
        assert not databases.exists(template.tenant.server, db_name("new"))


def test_a_password_is_read_from_a_file_and_kept_nowhere(
    manage: Manage, template: Snapshot, settled, tmp_path: Path
):
    (tmp_path / "password").write_text("Very-secret-1\n")

    said = manage(
        "createnode", *words(template, admin_password_file=str(tmp_path / "password"))
    )

    assert said.code == 0, said.err
    assert settled == [
        ("settle", {"admin_email": "", "admin_password": "Very-secret-1"})
    ]
    assert not Journal.objects.exists()
    run = Run.objects.get()
    assert "Very-secret" not in run.attributes + run.jobs.get().text()[0]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"host": "https://one.example.org"}, "--host: Another tenant has this"),
        ({"host": "ftp://x"}, "--host: 'ftp://x' must begin with http"),
        ({"shortname": "one"}, "--shortname: Another tenant has this"),
        ({"shortname": "a b"}, "--shortname: Use letters, digits"),
        ({"template": "none"}, "--template: There is no template none (known: one-"),
        ({"release": "4.3"}, "--release: What is copied is of Moodle 2023042400"),
        ({"origin": "clone"}, "Say what to make it from"),
        ({"data-path": "relative"}, "--data-path: 'relative' is not a plain"),
        ({"check_login": "1", "disabled": "1"}, "shows no login page to check"),
        ({"server": "nowhere"}, "--server: There is no server nowhere"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_made(
    manage: Manage, template: Snapshot, settled, given: dict, sentence: str
):
    said = manage("createnode", *words(template, **given))

    assert said.code == 2
    assert sentence in said.err
    assert Tenant.objects.count() == 1
    assert not Run.objects.exists()


def test_no_copy_is_made_of_a_half_upgraded_site(
    manage: Manage, template: Snapshot, settled
):
    Tenant.objects.update(attention=HALF_WAY)
    Snapshot.objects.update(half_way=True)

    of_tenant = manage("createnode", *words(template, template="", source=SOURCE))
    of_snapshot = manage("createnode", *words(template))
    newest = manage("createnode", *words(template, template=SOURCE))

    assert f"--source: {SOURCE} is half upgraded: upgrade it first" in of_tenant.err
    assert f"--template: {template} is of a half upgraded site" in of_snapshot.err
    assert f"--template: There is no template {SOURCE}" in newest.err
    assert Tenant.objects.count() == 1


def test_a_database_or_directory_that_is_there_is_refused(
    manage: Manage, template: Snapshot, settled, server, settings
):
    databases.create(server, db_name("new"), "vmoodle test")
    (settings.VMOODLE_DATA_ROOT / "new" / "x").mkdir(parents=True)

    said = manage("createnode", *words(template))

    assert said.code == 2
    assert f"db1 has a database {db_name('new')} already" in said.err
    assert "/new is not empty" in said.err


@pytest.mark.parametrize("begun", [True, False])
def test_an_interrupt_at_the_start_leaves_no_tenant(
    manage: Manage, template: Snapshot, interrupted_start, begun: bool
):
    interrupted_start(begun=begun)

    with pytest.raises(KeyboardInterrupt):
        manage("createnode", *words(template))

    assert not Tenant.objects.filter(shortname="new").exists()


def test_a_host_that_does_not_resolve_is_refused(
    manage: Manage, template: Snapshot, settled
):
    said = manage("createnode", *words(template, host="https://x.invalid")[1:])

    assert said.code == 2
    assert "x.invalid does not resolve: set it up, or use '--force-dns'" in said.err


def test_a_damaged_template_is_refused(manage: Manage, template: Snapshot, settled):
    part = next((template.path / "database").iterdir())
    part.write_bytes(b"x")

    said = manage("createnode", *words(template))

    assert said.code == 2
    assert "is damaged: its checksum" in said.err


def test_a_tree_that_serves_no_tenants_is_refused(
    manage: Manage, template: Snapshot, settled
):
    Path(Release.objects.get(name="4.2").path, "config.php").unlink()

    said = manage("createnode", *words(template))

    assert said.code == 2
    assert "run adopt_release 4.2" in said.err


def test_a_failure_leaves_the_job_and_nothing_else(
    finished: RunOf, planned: Tenant, monkeypatch
):
    def fail(*_args):
        raise provision.LifecycleError("it does not want to")
        yield

    monkeypatch.setattr(provision.snapshots, "load", fail)

    run = finished("lifecycle/Create", [planned])

    job = run.jobs.get()
    assert (job.state, job.tenant) == (Job.State.FAILED, None)
    assert job.error == "load the site: it does not want to"
    assert job.wwwroot == planned.wwwroot
    assert not Tenant.objects.filter(shortname="new").exists()


def test_a_dead_worker_leaves_the_job_and_nothing_else(
    run_of: RunOf, planned: Tenant, server
):
    job = run_of("lifecycle/Create", [planned]).jobs.get()
    job.claim("elsewhere:1:1")
    journal = Journal.objects.get()
    journal.begin("enter it in the registry")
    journal.begin("make the database")
    databases.create(server, planned.db_name, journal.mark)

    tasks.bury(job, "elsewhere:1:1")

    assert not Tenant.objects.filter(shortname="new").exists()
    assert not databases.exists(server, planned.db_name)
    assert Job.objects.get().state == Job.State.FAILED


def test_a_tenant_that_is_made_is_skipped(finished: RunOf, tenant: Tenant):
    run = finished("lifecycle/Create", [tenant])

    assert run.jobs.get().error == "it has been made"


def test_a_creation_that_was_cut_off_is_not_gone_on_with(
    finished: RunOf, planned: Tenant
):
    Journal.objects.get().begin("make the database")

    run = finished("lifecycle/Create", [planned])

    assert "run manage.py doctor --fix" in run.jobs.get().error
