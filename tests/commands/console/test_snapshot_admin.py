"""The list of snapshots, and what leads from it to runs."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from commands.models import Run
from commands.upgrade import halfway
from tenants.backup import snapshots
from tenants.models import Snapshot
from tests.pages import text

pytestmark = pytest.mark.django_db
LIST = "/tenants/snapshot/"


@pytest.fixture
def kept(rows, settings):
    """Return a function that makes snapshots, one for each of so many tenants."""

    def make(number: int, **fields) -> list[Snapshot]:
        made = []
        for tenant in rows(number):
            name = f"{tenant.shortname}-20260101-000000-abcd"
            path = settings.VMOODLE_SNAPSHOT_DIR / name
            path.mkdir(parents=True)
            values = {"wwwroot": tenant.wwwroot, "reason": "asked"} | fields
            made.append(Snapshot.objects.create(name=name, tenant=tenant, **values))
        return made

    return make


def act(console: Client, action: str, snapshots: list[Snapshot], **more):
    chosen = [snapshot.pk for snapshot in snapshots]
    data = {"action": action, "_selected_action": chosen, **more}
    return console.post(LIST, data, follow=bool(more))


def test_the_page_of_one_has_buttons_and_says_no_in_words(console, kept):
    [snapshot] = kept(1)

    page = text(console.get(f"{LIST}{snapshot.pk}/change/"))

    buttons = re.findall(r'name="action" value="(\w+)"', page)
    assert buttons == ["verify", "test", "restore", "new_tenant"]
    assert '<div class="readonly">No</div>' in page
    assert 'aria-label="Keep until: date"' in page


def test_the_list_tells_what_there_is(console, kept, django_assert_max_num_queries):
    before = timezone.now() - timedelta(days=3)
    kept(
        30,
        created_at=before,
        verified_at=before,
        dump_bytes=3 << 20,
        file_bytes=1 << 30,
        release="4.3.4 (Build: 20240422)",
        is_template=True,
    )

    with django_assert_max_num_queries(9):
        page = text(console.get(LIST))

    assert "(3 days)" in page
    assert "1.0 GB" in page
    assert "dump 3.0 MB, files 1.0 GB" in page
    assert "4.3.4<" in page
    assert "3 days ago" in page
    assert "Template" in page


def test_one_of_a_half_upgraded_site_is_shown_as_such(console, kept):
    [half] = kept(1, half_way=True)

    assert "Half upgraded" in text(console.get(LIST))
    page = text(console.get(f"{LIST}{half.pk}/change/"))
    assert "it is restored by its name only" in page


@pytest.mark.parametrize(
    ("action", "command", "attributes", "step"),
    [
        ("verify", "lifecycle/Verify", "", "confirm"),
        ("test", "lifecycle/Restore", "&test=1", "confirm"),
        ("restore", "lifecycle/Restore", "", "launch"),
    ],
)
def test_an_action_prepares_a_run(console, kept, action, command, attributes, step):
    made = kept(2)

    answer = act(console, action, made)

    run = Run.objects.get()
    names = "%2C".join(one.name for one in made[::-1])
    assert (run.command, run.attributes) == (command, f"snapshot={names}{attributes}")
    assert sorted(run.targets) == sorted(one.tenant_id for one in made)
    assert answer["Location"] == f"/commands/run/of/run/{run.pk}/{step}/"
    assert console.get(answer["Location"]).status_code == 200


def test_one_snapshot_of_each_tenant_that_is_there(console, kept):
    one, two = kept(2)
    twin = Snapshot.objects.create(
        name="x", tenant=one.tenant, wwwroot="", reason="asked"
    )
    page = text(act(console, "test", [one, twin], follow="1"))
    assert "Choose one snapshot of each tenant." in page
    Snapshot.objects.filter(pk=two.pk).update(tenant=None)

    page = text(act(console, "verify", [one, two], follow="1"))

    assert "A tenant is gone" in page
    assert not Run.objects.exists()


def test_a_new_tenant_is_made_from_it(console, kept):
    one, two = kept(2)

    page = text(act(console, "new_tenant", [one, two], follow="1"))
    assert "Choose one snapshot to make a tenant from." in page
    answer = act(console, "new_tenant", [one])

    assert answer["Location"] == f"/tenants/tenant/add/?template={one.name}"
    page = text(console.get(answer["Location"]))
    assert f'<option value="{one.name}" selected>' in page


def test_templates_are_marked_and_never_deleted(console, kept):
    one, two = kept(2)
    act(console, "mark", [one])
    Snapshot.objects.get(pk=one.pk, is_template=True)

    page = text(act(console, "delete_selected", [one, two], post="yes"))
    assert "it is a template: unmark it first" in page
    assert Snapshot.objects.count() == 2
    act(console, "unmark", [one])
    act(console, "delete_selected", [one, two], post="yes")

    assert not Snapshot.objects.exists()
    assert not one.path.exists()


def test_a_note_leaves_a_template_one(console, kept):
    [one] = kept(1)
    page = f"{LIST}{one.pk}/change/"
    form = console.get(page).content.decode()
    act(console, "mark", [one])

    answer = console.post(page, {"note": "old", "initial-is_template": "False"})

    assert 'name="initial-is_template" value="False"' in form
    assert answer.status_code == 302, text(answer)
    one.refresh_from_db()
    assert (one.is_template, one.note) == (True, "old")


@pytest.mark.django_db(transaction=True)
def test_the_registry_is_free_while_files_are_deleted(console, kept, monkeypatch):
    [one] = kept(1)
    within = []
    remove = snapshots.remove_directory

    def watched(path):
        within.append(connection.in_atomic_block)
        remove(path)

    monkeypatch.setattr(snapshots, "remove_directory", watched)
    console.post(f"{LIST}{one.pk}/delete/", {"post": "yes"})

    assert within == [False]
    assert not Snapshot.objects.exists()
    assert not one.path.exists()


def test_what_a_job_may_use_is_not_deleted(console, kept):
    [one] = kept(1)
    one.tenant.held_by = 7
    one.tenant.save(update_fields=["held_by"])

    page = text(act(console, "delete_selected", [one], post="yes"))

    assert "a job is at work on its tenant" in page
    assert one.path.exists()


def test_what_a_half_upgraded_site_can_go_back_to_is_not_deleted(console, kept):
    [one] = kept(1, reason=Snapshot.Reason.UPGRADE)
    halfway.mark(one.tenant, one)

    page = text(act(console, "delete_selected", [one], post="yes"))

    assert Snapshot.objects.get() == one
    assert "its tenant is half upgraded: upgrade it, or restore this, first" in page


def test_who_may_only_look_is_offered_nothing(kept):
    kept(1)
    user = User.objects.create_user("victor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_snapshot"))
    client = Client()
    client.force_login(user)

    page = text(client.get(LIST))

    assert "Restore" not in page
    assert "template=" not in page.partition("result_list")[2].partition("</table>")[0]
    assert act(client, "restore", list(Snapshot.objects.all())).status_code != 302 or (
        not Run.objects.exists()
    )
