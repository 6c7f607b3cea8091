"""A renaming goes through whole, or leaves everything as it was."""

from pathlib import Path
from urllib.parse import quote

import pytest

from commands.base import CommandFailed
from commands.lifecycle.rename import Rename
from commands.mnet.renew_mnet_keys import RenewMnetKeys
from commands.models import Job
from commands.system import address
from tenants import moodledb
from tenants.lifecycle import doctor, rename
from tenants.lifecycle.replace import replace
from tenants.lifecycle.steps import LifecycleError
from tenants.models import Journal, Tenant
from tenants.serving import publish
from tests.commands.conftest import Manage
from tests.commands.system.conftest import complaints, job_of
from tests.conftest import AddTenant, RunOf
from tests.failing import failing
from tests.steps import end

OLD, NEW = "https://one.example.org", "https://new.example.net"
LONG = "https://a.longer.one.example.net"
STEPS = [
    "publish the new address",
    "tell the MNet peers",
    "replace it in the texts",
    "purge the caches",
]


def is_renamed(tenant: Tenant) -> bool:
    """Whether it is; fail if it is half so."""
    tenant.refresh_from_db()
    wwwroot = NEW if tenant.wwwroot == NEW else OLD
    other = OLD if wwwroot == NEW else NEW
    texts = f"SELECT summary FROM {moodledb.table(tenant, 'course')}"
    assert moodledb.query(tenant.server, texts) == [(f"{wwwroot}/x",)]
    hosts = f"SELECT wwwroot FROM {moodledb.table(tenant, 'mnet_host')}"
    assert moodledb.query(tenant.server, hosts) == [(wwwroot,)]
    published = Path(publish.boot_file(wwwroot[8:])).read_text()
    assert f"'{wwwroot}'" in published
    assert Path(publish.boot_file(other[8:])).is_symlink() == bool(tenant.former)
    assert publish.rebuild(Tenant.objects.with_edges(), check=True) == []
    assert not Journal.objects.exists()
    return wwwroot == NEW


@pytest.mark.parametrize("redirect", ["", "&redirect=1"])
def test_a_site_gets_another_address(known: Tenant, finished: RunOf, redirect: str):
    job = job_of(finished("lifecycle/Rename", [known], f"wwwroot={NEW}{redirect}"))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result == {"wwwroot": NEW, "before": OLD}
    assert is_renamed(known)
    assert known.former == (OLD if redirect else "")


def test_the_texts_may_stay_and_the_way_back_is_open(
    manage: Manage, known: Tenant, workers
):
    words = ["renamenode", "--without-content", "--redirect", f"--host={OLD}"]
    said = manage(*words, f"--wwwroot={NEW}")
    assert said.code == 0, said
    known.refresh_from_db()
    assert (known.wwwroot, known.former) == (NEW, OLD)

    said = manage(
        "renamenode",
        f"--host={NEW}",
        f"--wwwroot={OLD}",
        "--without-content",
    )

    assert said.code == 0, said
    known.refresh_from_db()
    assert known.former == ""
    assert not is_renamed(known)


@pytest.mark.parametrize("fails", [False, True])
def test_the_site_gets_mnet_keys_that_name_the_new_address(
    known: Tenant, finished: RunOf, monkeypatch, fails: bool
):
    asked = []

    def renew(command, tenant):
        asked.append(tenant.wwwroot)
        yield "new keys"
        if fails:
            raise CommandFailed("a server is away")

    monkeypatch.setattr(address, "lacks_mnet", lambda release: "")
    monkeypatch.setattr(RenewMnetKeys, "run", renew)

    job = job_of(finished("lifecycle/Rename", [known], f"wwwroot={NEW}"))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert asked == [NEW]
    warns = "Warning: its MNet keys name its former address: a server is away; run ren"
    assert (warns in job.text()[0]) is fails


@pytest.mark.parametrize("step", STEPS)
def test_a_failing_step_is_named_and_all_is_undone(
    known: Tenant, monkeypatch, step: str
):
    steps = rename.Renaming.steps
    assert [s.name for s in steps(_journal(known))] == STEPS
    monkeypatch.setattr(rename.Renaming, "steps", failing(steps, step))

    with pytest.raises(LifecycleError, match=f"^{step}: the test wants it so$"):
        end(rename.rename(known, NEW, content=True, redirect=True))

    assert not is_renamed(known)


def test_an_address_that_is_taken_meanwhile_is_told_and_undone_later(
    known: Tenant, add_tenant: AddTenant, monkeypatch
):
    replace = rename.replace

    def fail(*args):
        monkeypatch.setattr(rename, "replace", replace)  # for the undo
        add_tenant("two", install=False, wwwroot=OLD)
        raise moodledb.MoodleDbError("the server is gone")

    monkeypatch.setattr(rename, "replace", fail)

    with pytest.raises(LifecycleError, match="not undone .publish the new address: "):
        end(rename.rename(known, NEW, content=True))

    known.refresh_from_db()
    assert known.wwwroot == NEW
    assert "run manage.py doctor --fix" in known.attention
    Tenant.objects.get(shortname="two").delete()
    [found] = [one for one in doctor.examine() if "renaming" in one.sentence]
    assert doctor.mend(found) == ""
    assert not is_renamed(known)


def test_one_that_is_half_done_is_not_begun_anew(known: Tenant, finished: RunOf):
    Journal.objects.create(tenant=known, work="move", text="{}")

    job = job_of(finished("lifecycle/Rename", [known], f"wwwroot={NEW}"))

    assert job.error == "its move was cut off: run manage.py doctor --fix"


def _journal(tenant: Tenant) -> rename.Renaming:
    plan = '{"old": "", "new": "", "content": true}'
    return rename.Renaming(Journal(tenant=tenant, work=rename.WORK, text=plan))


def test_the_doctor_takes_back_what_was_cut_off(known: Tenant, monkeypatch):
    renaming = rename.rename(known, NEW, content=True)
    while "replaced in" not in (next(renaming) or ""):
        pass
    monkeypatch.setattr(rename.steps, "take_back", lambda *args: "")
    renaming.close()  # as killed
    monkeypatch.undo()

    [found] = doctor.examine()

    assert found.sentence == f"{NEW}: its renaming was cut off"
    assert doctor.mend(found) == ""
    assert not is_renamed(known)


def test_a_former_address_may_become_another_tenants(
    tenant: Tenant, add_tenant: AddTenant
):
    tenant.move(NEW, redirect=True)

    other = add_tenant("two", install=False, wwwroot=OLD)

    tenant.refresh_from_db()
    assert tenant.former == ""
    assert OLD in publish.boot_file(other.key).read_text()
    tenant.save()
    assert "moved" not in publish.boot_file(other.key).read_text()
    assert publish.rebuild(Tenant.objects.with_edges(), check=True) == []


def test_a_deleted_tenants_former_address_is_gone(tenant: Tenant):
    key = tenant.key
    tenant.move(NEW, redirect=True)
    assert "moved" in publish.boot_file(key).read_text()

    tenant.delete()

    assert not publish.boot_file(key).is_symlink()


def test_what_is_no_address_is_refused(tenant: Tenant):
    [said] = complaints(Rename, "wwwroot=ftp://x")

    assert "must begin with http:// or https://" in said


def test_a_longer_name_that_begins_the_same_is_left(known: Tenant):
    texts = moodledb.table(known, "course")
    sql = f"UPDATE {texts} SET summary = '{OLD}.uk/x'"
    moodledb.execute(known.server, sql)

    assert replace(known, {OLD: NEW}) == 1  # its own row of mnet_host

    summary = f"SELECT summary FROM {texts}"
    assert moodledb.query(known.server, summary) == [(f"{OLD}.uk/x",)]


def spoken(text: str) -> list[str]:
    r"""Return a text as it is written: plain, in JSON, in a query, by PHP."""
    escaped = text.replace("/", r"\/")
    serial = f'a:1:{{s:1:"x";s:{len(text)}:"{text}";}}'
    hidden = f's:{len(escaped)}:"{escaped}";'
    return [text, escaped, quote(text, safe=""), serial, hidden]


@pytest.mark.parametrize(
    "form", range(5), ids=["plain", "json", "query", "php", "json-in-php"]
)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{OLD}/school/x", f"{OLD}/school/x"),
        (f"{OLD}/school", f"{OLD}/school"),
        (f"http{OLD[5:]}/school/x", f"http{OLD[5:]}/school/x"),
        (f"{OLD}/old-school/x", f"{OLD}/old-school/x"),
        (f"{OLD}/x/school/", f"{LONG}/x/school/"),
        (f"{OLD}/schools/x", f"{LONG}/schools/x"),
        (f"{OLD}/school.php", f"{LONG}/school.php"),
        (f"{OLD} {OLD}/school {OLD}/", f"{LONG} {OLD}/school {LONG}/"),
    ],
)
def test_the_address_of_a_tenant_below_is_left(
    known: Tenant, rows, form: int, before: str, after: str
):
    rows(1, wwwroot=f"{OLD}/school", former=f"{OLD}/old-school")
    texts = moodledb.table(known, "course")
    moodledb.execute(
        known.server, f"UPDATE {texts} SET summary = %s", [spoken(before)[form]]
    )

    replace(known, {OLD: LONG})

    summary = f"SELECT summary FROM {texts}"
    assert moodledb.query(known.server, summary) == [(spoken(after)[form],)]


def test_what_is_undone_leaves_the_tenant_below_the_new_address(
    known: Tenant, rows, monkeypatch
):
    rows(1, wwwroot=f"{NEW}/school")
    texts = moodledb.table(known, "course")
    both = f"UPDATE {texts} SET summary = '{OLD}/x {NEW}/school/x'"
    moodledb.execute(known.server, both)
    steps = rename.Renaming.steps
    monkeypatch.setattr(rename.Renaming, "steps", failing(steps, STEPS[-1]))

    with pytest.raises(LifecycleError):
        end(rename.rename(known, NEW, content=True))

    summary = f"SELECT summary FROM {texts}"
    kept = (f"{OLD}/x {NEW}/school/x",)
    assert moodledb.query(known.server, summary) == [kept]
