from pathlib import Path

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commands.models import Run
from tenants.models import DatabaseServer, Journal, Release, Tag, Tenant
from tenants.serving import publish
from tests.pages import LIST, filled, text

pytestmark = pytest.mark.django_db


RELATED = ("add", "change", "delete", "view")  # icons of Django's beside a choice


def shown(console: Client, query: str) -> set[str]:
    answer = console.get(f"{LIST}?{query}")
    return {tenant.shortname for tenant in answer.context["cl"].result_list}


def test_a_tenant_is_saved_and_published(console, add_tenant):
    tenant = add_tenant("one", install=False)

    answer = console.post(f"{LIST}{tenant.pk}/change/", filled(tenant, name="New name"))

    assert answer.status_code == 302, text(answer)
    assert Tenant.objects.get().name == "New name"


def test_an_empty_password_keeps_the_stored_one(console, add_tenant, server):
    tenant = add_tenant("one", install=False)

    page = text(console.get(f"{LIST}{tenant.pk}/change/"))
    console.post(f"{LIST}{tenant.pk}/change/", filled(tenant))

    assert server.admin_password not in page
    assert Tenant.objects.get().db_password == server.admin_password


def test_a_new_password_replaces_it(console, add_tenant):
    tenant = add_tenant("one", install=False)

    console.post(f"{LIST}{tenant.pk}/change/", filled(tenant, db_password="n&w <p>"))

    assert Tenant.objects.get().db_password == "n&w <p>"


def test_what_others_have_as_well_is_not_deleted_on_a_tenants_page(console, rows):
    [tenant] = rows(1)

    page = text(console.get(f"{LIST}{tenant.pk}/change/"))

    found = {f"{what}_id_{name}" for what in RELATED for name in ("release", "server")}
    assert {link for link in found if f'id="{link}"' in page} == {
        "view_id_release",
        "view_id_server",
    }


def test_a_wrong_address_comes_back_with_the_form(console, add_tenant):
    tenant = add_tenant("one", install=False)

    page = console.post(
        f"{LIST}{tenant.pk}/change/", filled(tenant, wwwroot="ftp://x.org/a/b")
    )

    assert "errorlist" in text(page)
    assert Tenant.objects.get().wwwroot == "https://one.example.org"


def test_what_cannot_be_published_is_not_saved(console, add_tenant, monkeypatch):
    tenant = add_tenant("one", install=False)

    def fail(_tenant):
        raise publish.PublishError("the boot directory is full")

    monkeypatch.setattr(publish, "publish", fail)
    page = console.post(f"{LIST}{tenant.pk}/change/", filled(tenant, name="New"))

    assert "Not saved: the boot directory is full" in text(page)
    assert Tenant.objects.get().name == "One School"


def test_a_form_that_is_older_than_a_jobs_pin_keeps_the_pin(
    console, add_tenant, releases
):
    tenant = add_tenant("one", install=False)
    page = text(console.get(f"{LIST}{tenant.pk}/change/"))
    sent = filled(tenant, name="New name")
    assert f'name="initial-release" value="{tenant.release_id}"' in page
    tenant.pin(releases["4.3"])

    console.post(f"{LIST}{tenant.pk}/change/", sent)

    tenant.refresh_from_db()
    assert (tenant.name, tenant.release) == ("New name", releases["4.3"])


def test_a_form_that_is_older_than_a_move_keeps_the_new_place(
    console, add_tenant, second_server
):
    tenant = add_tenant("one", install=False)
    page = text(console.get(f"{LIST}{tenant.pk}/change/"))
    sent = filled(tenant, name="New name")
    since = {
        "wwwroot": "https://new.example.org",
        "key": "new.example.org",
        "server": second_server,
        "data_path": "/srv/data2/one",
        "network": 3,
        "enabled": False,
        "attention": "its upgrade failed half-way: restore x",
    }
    Tenant.objects.update(**since)

    console.post(f"{LIST}{tenant.pk}/change/", sent)

    found = Tenant.objects.get()
    assert {name: getattr(found, name) for name in since} == since
    assert found.name == "New name"
    assert f'name="initial-data_path" value="{tenant.data_path}"' in page


def test_an_operator_clears_what_needs_attention(console, add_tenant):
    tenant = add_tenant("one", install=False, attention="look\nhere")
    page = text(console.get(f"{LIST}{tenant.pk}/change/"))

    sent = filled(tenant, **{"attention": "", "initial-attention": "look\r\nhere"})
    console.post(f"{LIST}{tenant.pk}/change/", sent)

    assert 'name="initial-attention"' in page
    assert Tenant.objects.get().attention == ""


def test_an_operator_pins_a_tenant(console, add_tenant, releases):
    tenant = add_tenant("one", install=False)

    sent = filled(tenant, release=releases["4.3"].pk)
    console.post(f"{LIST}{tenant.pk}/change/", sent)

    assert Tenant.objects.get().release == releases["4.3"]


def test_the_list_disables_and_enables_by_runs(console, add_tenant):
    tenants = [add_tenant(name, install=False) for name in ("one", "two")]
    chosen = {"_selected_action": [tenant.pk for tenant in tenants]}

    for action in ("lifecycle_disable", "lifecycle_enable"):
        page = console.post(LIST, {"action": action, **chosen}, follow=True)
        assert page.redirect_chain[-1][0].endswith("/launch/")
        assert Run.objects.first().targets == [tenant.pk for tenant in tenants]

    assert set(Tenant.objects.values_list("enabled", flat=True)) == {True}


@pytest.mark.parametrize(
    ("deleted", "sentence"), [(True, "use Bring back"), (False, "is half made")]
)
def test_what_is_not_whole_is_not_enabled(
    console, add_tenant, deleted: bool, sentence: str
):
    tenant = add_tenant("one", install=False, enabled=False)
    if deleted:
        Tenant.objects.update(deleted_at=timezone.now())
    else:
        Journal.objects.create(tenant=tenant, work="create", text="{}")

    page = console.post(f"{LIST}{tenant.pk}/change/", filled(tenant))

    assert sentence in text(page)
    assert not Tenant.objects.get().enabled


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=t1", {"t1"}),
        ("q=T 2", {"t2"}),
        ("enabled__exact=0", {"t3"}),
        ("needs=yes", {"t1"}),
        ("needs=busy", {"t2"}),
        ("upgrade=pending", {"t1"}),
        ("upgrade=done", {"t0"}),
        ("tags__id__exact={tag}", {"t2"}),
        ("release__id__exact={release}", {"t0", "t1", "t2", "t3"}),
        ("network=5", {"t3"}),
    ],
)
def test_the_list_is_searched_and_filtered(console, rows, query, names):
    tenants = rows(4)
    release = Release.objects.get()
    Release.objects.update(versions_hash="a")
    tag = Tag.objects.create(name="pilot")
    tenants[2].tags.add(tag)
    changes = [
        {"seen_hash": "a"},
        {"seen_hash": "b", "attention": "look"},
        {"held_by": 7},
        {"enabled": False, "network": 5},
    ]
    for tenant, change in zip(tenants, changes, strict=True):
        Tenant.objects.filter(pk=tenant.pk).update(**change)

    assert shown(console, query.format(tag=tag.pk, release=release.pk)) == names


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"db_name": "no_such"}, "does not reach no_such: "),
        ({"db_password": "wrong"}, "correct the account"),
        ({"db_prefix": "other_"}, "does not reach "),
        ({"wwwroot": "https://nowhere.invalid"}, "nowhere.invalid does not resolve"),
        ({"name": "Another"}, ""),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_a_site_lacks_where_it_is_now_is_told(
    console, tenant, django_capture_on_commit_callbacks, changes, told
):
    with django_capture_on_commit_callbacks(execute=True):
        saved = console.post(f"{LIST}{tenant.pk}/change/", filled(tenant, **changes))

    said = [str(message) for message in get_messages(saved.wsgi_request)]
    assert saved.status_code == 302
    assert "was changed successfully" in said[0]
    assert len(said) == (2 if told else 1)
    assert told in said[-1]


def test_a_site_is_not_sent_where_no_files_are(console, tenant):
    changed = filled(tenant, data_path="/nonexistent")
    page = console.post(f"{LIST}{tenant.pk}/change/", changed)

    assert "There is no such directory: move the files there first." in text(page)
    former = tenant.data_path
    tenant.refresh_from_db()
    assert tenant.data_path == former


def test_a_message_that_begins_with_a_name_has_it_as_it_is(console, server):
    page = console.post(
        "/tenants/databaseserver/",
        {"action": "try_connection", "_selected_action": [server.pk]},
        follow=True,
    )

    assert ">db1 answers: " in text(page)


def test_a_release_that_is_no_moodle_is_refused(console, tmp_path):
    page = console.post(
        "/tenants/release/add/",
        {"name": "x", "path": str(tmp_path), "php": "php", "forced_settings": "{}"},
    )

    assert "there is no such version.php" in text(page)
    assert not Release.objects.exists()


def test_a_release_is_read_when_it_is_saved(
    console, releases, django_capture_on_commit_callbacks
):
    release = releases["4.3"]
    Release.objects.filter(pk=release.pk).update(versions_hash="", version="1")
    sent = {"name": "4.3", "path": release.path, "php": "php", "forced_settings": "{}"}

    with django_capture_on_commit_callbacks(execute=True):
        console.post(f"/tenants/release/{release.pk}/change/", sent)

    release.refresh_from_db()
    assert len(release.versions_hash) == 40
    assert release.version.startswith("2023100900")


def test_the_list_of_releases_names_the_command_that_adopts(console, releases):
    assert "manage.py adopt_release" not in text(console.get("/tenants/release/"))

    config = Path(releases["4.3"].path, "config.php")
    config.write_text("<?php // another")

    assert "manage.py adopt_release 4.3" in text(console.get("/tenants/release/"))


@pytest.mark.parametrize(
    ("password", "said"),
    [("", ">db1 answers: 10.11"), ("wrong", "Access denied")],
    ids=["right", "wrong"],
)
@pytest.mark.django_db(transaction=True)
def test_saving_a_server_tells_whether_it_answers(console, server, password, said):
    page = console.post(
        f"/tenants/databaseserver/{server.pk}/change/",
        {
            "name": "db1",
            "host": "localhost",
            "port": "3306",
            "socket": server.socket,
            "admin_user": "vmoodle",
            "admin_password": password,
            "job_limit": "4",
        },
        follow=True,
    )

    assert said in text(page)
    assert DatabaseServer.objects.get().job_limit == 4


def test_nobody_edits_the_tasks_of_the_queue(console):
    assert console.get("/django_q/schedule/").status_code == 404
    assert "Django Q" not in text(console.get("/"))


def test_two_operators_change_different_things(console, add_tenant):
    tenant, tag = add_tenant("one", install=False), Tag.objects.create(name="pilot")
    first = filled(tenant, name="New name", tags=[tag.pk])
    second = filled(tenant, description="By the lake")

    for sent in (first, second):
        answer = console.post(f"{LIST}{tenant.pk}/change/", sent)
        assert answer.status_code == 302, text(answer)

    found = Tenant.objects.get()
    assert (found.name, found.description) == ("New name", "By the lake")
    assert list(found.tags.all()) == [tag]


def test_of_two_operators_who_change_the_same_the_second_is_told(console, add_tenant):
    tenant = add_tenant("one", install=False, description="a\nb")
    first = filled(tenant, name="North", description="a\r\nc")
    second = filled(tenant, name="South", description="a\r\nc")
    for sent in (first, second):
        sent["initial-description"] = "a\r\nb"

    pages = [
        console.post(f"{LIST}{tenant.pk}/change/", sent)
        for sent in (first, first, second)
    ]

    assert [page.status_code for page in pages] == [302, 302, 200]
    told = "Meanwhile somebody else has changed the same (name): open the page again"
    assert told in text(pages[-1])
    assert Tenant.objects.get().name == "North"


def test_what_is_deleted_from_the_registry_is_said_to_stay(console, add_tenant):
    tenant = add_tenant("one")
    alone = reverse("admin:tenants_tenant_delete", args=[tenant.pk])
    action = {"action": "delete_selected", "_selected_action": [tenant.pk]}

    one = console.get(alone)
    many = console.post(reverse("admin:tenants_tenant_changelist"), action)

    for page in (one, many):
        assert "Only the registry forgets: database and data files stay" in text(page)
    assert Tenant.objects.filter(pk=tenant.pk).exists()


def test_the_page_tells_that_an_address_is_not_changed_by_it_alone(console, add_tenant):
    tenant = add_tenant("one", install=False)

    page = text(console.get(f"{LIST}{tenant.pk}/change/"))

    assert "the old address answers 404 at once" in page
