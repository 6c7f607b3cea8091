"""Nothing is left of a tenant that cannot be made. Sandbox site, real MariaDB."""

from pathlib import Path

import pytest

from tenants import moodledb
from tenants.backup import content
from tenants.forms import NewTenantForm
from tenants.lifecycle import databases, provision
from tenants.lifecycle.steps import LifecycleError
from tenants.models import Journal, Snapshot, Tenant
from tests.failing import failing
from tests.tenants.making import NEW, STEPS, assert_nothing_left, db_name, made, planned

pytestmark = pytest.mark.usefixtures("cleared", "settled")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_failing_step_is_named_and_all_is_undone(
    tenant: Tenant, monkeypatch, step: str, when: str
):
    monkeypatch.setattr(
        provision.Creation, "steps", failing(provision.Creation.steps, step, when)
    )

    with pytest.raises(LifecycleError, match=f"^{step}: the test wants it so$"):
        made(planned(source=tenant.wwwroot))

    assert_nothing_left()


def test_all_steps_are_tried(tenant: Tenant):
    new = planned(source=tenant.wwwroot)

    lines = list(provision.create(provision.unfinished(new)))

    assert [line[3:] for line in lines if line and line[:3] == "== "] == STEPS


def test_what_others_own_is_never_undone(template: Snapshot, tmp_path: Path, server):
    new = planned(template=template.name)
    databases.create(server, db_name(), "vmoodle of somebody else")

    with pytest.raises(LifecycleError, match="^make the database: .*database exists"):
        made(new)

    assert databases.mark_of(server, db_name()) == "vmoodle of somebody else"
    assert not Tenant.objects.filter(shortname="new").exists()


def test_a_database_of_others_stays_where_none_bears_marks(
    template: Snapshot, server, monkeypatch
):
    new = planned(template=template.name)
    moodledb.execute(server, f"CREATE DATABASE `{db_name()}`")
    monkeypatch.setattr(databases, "is_mariadb", lambda _server: False)

    with pytest.raises(LifecycleError, match="^make the database: .*database exists"):
        made(new)

    assert databases.exists(server, db_name())
    assert not Tenant.objects.filter(shortname="new").exists()


def test_a_data_directory_that_is_used_stays(template: Snapshot):
    new = planned(template=template.name)
    other = Path(new.data_path, "theirs")
    other.parent.mkdir()
    other.touch()

    with pytest.raises(LifecycleError, match="^lay out the data files: .*not empty"):
        made(new)

    assert other.exists()


def test_what_cannot_be_undone_is_told_and_undone_later(
    template: Snapshot, monkeypatch
):
    new = planned(template=template.name)
    remove = content.remove

    def refuse(*_args):
        raise LifecycleError("the disk is gone")

    monkeypatch.setattr(content, "remove", refuse)
    steps = failing(provision.Creation.steps, "settle in Moodle", "before")
    monkeypatch.setattr(provision.Creation, "steps", steps)
    with pytest.raises(LifecycleError, match="not undone .*the disk is gone.*doctor"):
        made(new)
    left = Tenant.objects.get(pk=new.pk)
    assert not left.enabled
    assert "the disk is gone" in left.attention
    monkeypatch.setattr(content, "remove", remove)

    assert provision.recover(Tenant.objects.with_edges().get(pk=new.pk)) == ""

    assert_nothing_left()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_make_the_same_host_one_wins(template: Snapshot):
    first = NewTenantForm(NEW | {"template": template.name})
    second = NewTenantForm(
        NEW | {"template": template.name, "shortname": "new2", "name": "Second"}
    )
    assert first.is_valid(), first.errors
    assert second.is_valid(), second.errors

    provision.reserve(first.save(commit=False), first.plan())
    with pytest.raises(LifecycleError, match="somebody else has just taken"):
        provision.reserve(second.save(commit=False), second.plan())

    assert Tenant.objects.get(key="new.example.org").shortname == "new"
    assert Journal.objects.count() == 1
