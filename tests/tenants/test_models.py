import os
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from tenants.models import DatabaseServer, Release, Tenant
from tenants.serving import publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(server, releases, tmp_path):
    """Return a function that makes a tenant that is valid but not saved."""

    def make(**values) -> Tenant:
        fields = {
            "wwwroot": "https://new.example.org",
            "name": "New School",
            "shortname": "new",
            "server": server,
            "release": releases["4.2"],
            "db_name": "new",
            "db_user": "new",
            "data_path": str(tmp_path / "data/new"),
        }
        return Tenant(**(fields | values))

    return make


def complaint(row) -> str:
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    return " ".join(caught.value.messages)


def tree(directory: Path, text: str | None) -> str:
    directory.mkdir()
    if text is not None:
        (directory / "version.php").write_text(text)
    return str(directory)


def test_a_release_reads_its_version_without_running_it(tmp_path):
    text = (
        "<?php\nfile_put_contents('ran', 1);\n$version  = 2024100700.01; // why\n"
        "$release = '4.5 (Build: 20241007)';\n$branch   = '405';\n"
    )
    release = Release(name="4.5", path=tree(tmp_path / "4.5", text))

    release.full_clean()

    assert (release.version, release.release, release.branch) == (
        "2024100700.01",
        "4.5 (Build: 20241007)",
        "405",
    )
    assert not Path("ran").exists()


def test_a_release_of_5_1_has_its_code_in_public(tmp_path):
    tree(tmp_path / "5.1", None)
    tree(
        tmp_path / "5.1/public",
        "<?php\n$version = 2025100600;\n$release = '5.1';\n$branch = '501';\n",
    )
    release = Release(name="5.1", path=str(tmp_path / "5.1"))

    release.full_clean()

    assert release.branch == "501"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no such version.php"),
        ("<?php\n$version = 1;\n", "sets no $release: it is not Moodle's"),
        ("<?php\n$version = 'beta';\n", "sets no $version: it is not Moodle's"),
        ("\x7fELF", "sets no $version"),
    ],
    ids=["without version.php", "another program's", "no number", "no PHP"],
)
def test_a_tree_that_is_no_moodle_is_refused(tmp_path, text, said):
    release = Release(name="x", path=tree(tmp_path / "x", text))

    assert said in complaint(release)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become another user")
def test_a_tree_that_may_not_be_read_is_refused(tmp_path):
    release = Release(name="x", path=tree(tmp_path / "x", "<?php"))
    os.seteuid(65534)
    try:
        with pytest.raises(ValidationError, match=r"cannot be read \(Permission"):
            release.read_version()
    finally:
        os.seteuid(0)


def test_a_tree_that_is_missing_is_refused():
    assert "no such directory" in complaint(Release(name="x", path="/no/such/tree"))


def test_reading_a_tree_anew_keeps_what_was_changed_meanwhile(releases):
    release = releases["4.2"]
    Release.objects.filter(pk=release.pk).update(forced_settings={"debug": 0})

    release.refresh()

    assert Release.objects.get(pk=release.pk).forced_settings == {"debug": 0}


def test_a_code_tree_does_not_overlap_a_data_path(add_tenant, tmp_path):
    one = add_tenant("one", install=False)
    text = "<?php\n$version = 1;\n$release = '1';\n$branch = '1';\n"
    release = Release(name="x", path=tree(Path(one.data_path, "code"), text))

    assert "overlaps the data path of https://one" in complaint(release)


@pytest.mark.parametrize(
    ("known", "other", "same"),
    [
        ({}, {"host": "127.0.0.1"}, True),
        ({"host": "db.example.org"}, {"host": "DB.example.org"}, True),
        ({"socket": "/s"}, {"socket": "/s", "host": "elsewhere"}, True),
        ({}, {"host": "127.0.0.1", "port": 3307}, False),
        ({}, {"socket": "/s"}, False),
        ({"host": "a.example.org"}, {"host": "b.example.org"}, False),
    ],
)
def test_a_server_stands_in_the_registry_once(known, other, same):
    DatabaseServer.objects.create(name="a", admin_user="x", **known)
    server = DatabaseServer(name="b", admin_user="x", admin_password="y", **other)

    if same:
        assert complaint(server) == "This is the database server a already"
    else:
        server.full_clean()


@pytest.mark.parametrize(
    "path",
    ["data", "/data/", "/data/../etc", "/", "/data\n", "//data"],
    ids=["relative", "slash at the end", "dots", "root", "newline", "two slashes"],
)
def test_a_path_must_be_plain_and_absolute(draft, path):
    assert "plain absolute path" in complaint(draft(data_path=path))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"db_name": "a;b"}, "letters, digits"),
        ({"db_name": "a`b"}, "letters, digits"),
        ({"db_prefix": "1_"}, "beginning with a letter"),
        ({"db_prefix": "mdl-"}, "beginning with a letter"),
        ({"shortname": "a/b"}, "letters, digits"),
        ({"network": -2}, "greater than or equal to -1"),
        ({"forced_settings": [1]}, "one JSON object"),
        ({"forced_settings": {"a-b": 1}}, "one JSON object"),
        ({"wwwroot": "ftp://new.example.org"}, "http"),
    ],
)
def test_what_would_not_be_safe_is_refused(draft, values, said):
    assert said in complaint(draft(**values))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"wwwroot": "HTTPS://ONE.example.org/"}, "already exists"),
        ({"wwwroot": "http://one.example.org"}, "under another scheme"),
        ({"shortname": "one"}, "already exists"),
        ({"is_main": True}, "main tenant already"),
    ],
    ids=["address", "address under another scheme", "short name", "main tenant"],
)
def test_what_another_tenant_has_is_refused(add_tenant, draft, values, said):
    add_tenant("one", install=False, is_main=True)

    assert said in complaint(draft(**values))


def test_a_database_belongs_to_one_tenant(add_tenant, draft):
    one = add_tenant("one", install=False)

    assert "Another tenant has this database" in complaint(draft(db_name=one.db_name))


@pytest.mark.parametrize(
    "path", ["{}", "{}/inner", "{}/.."], ids=["same", "in", "above"]
)
def test_data_paths_do_not_overlap(add_tenant, draft, path):
    one = add_tenant("one", install=False)
    wanted = str(Path(path.format(one.data_path)).resolve())

    assert "data path" in complaint(draft(data_path=wanted)).lower()


@pytest.mark.parametrize("path", ["{}/data", "{}", "{}/.."], ids=["in", "at", "above"])
def test_a_data_path_does_not_overlap_a_code_tree(draft, releases, path):
    wanted = str(Path(path.format(releases["4.3"].path)).resolve())

    assert "overlaps the code tree" in complaint(draft(data_path=wanted))


def test_saving_publishes(draft):
    tenant = draft(wwwroot="HTTPS://New.Example.org:443/")

    tenant.save()

    assert (tenant.wwwroot, tenant.key) == (
        "https://new.example.org",
        "new.example.org",
    )
    assert publish.boot_file(tenant.key).is_file()
    assert publish.site_link(tenant.key).resolve() == Path(tenant.release.path)


def test_a_failure_to_publish_leaves_the_row_as_it_was(draft, settings, monkeypatch):
    tenant = draft()
    tenant.save()

    def fail(_tenant):
        raise publish.PublishError("the disk is full")

    monkeypatch.setattr(publish, "publish", fail)
    tenant.name = "Another name"
    with pytest.raises(publish.PublishError):
        tenant.save()

    assert Tenant.objects.get().name == "New School"


def test_a_new_address_unpublishes_the_former(draft):
    tenant = draft()
    tenant.save()

    tenant.wwwroot = "https://newer.example.org"
    tenant.save()

    assert not publish.boot_file("new.example.org").exists()
    assert publish.boot_file("newer.example.org").is_file()


def test_deleting_unpublishes_and_keeps_the_data(draft):
    tenant = draft()
    tenant.save()
    Path(tenant.data_path).mkdir(parents=True)

    tenant.delete()

    assert not publish.boot_file("new.example.org").exists()
    assert Path(tenant.data_path).is_dir()


def test_deleting_several_unpublishes_them_too(add_tenant):
    names = ["one", "two", "three"]
    one, two, three = (add_tenant(name, install=False) for name in names)

    Tenant.objects.filter(pk__in=[one.pk, two.pk]).delete()

    published = [publish.boot_file(t.key).exists() for t in (one, two, three)]
    assert published == [False, False, True]


@pytest.mark.parametrize("how", ["delete", "deleted_at", "queryset"])
def test_what_another_one_has_taken_over_meanwhile_stays_published(
    add_tenant, how: str
):
    one = add_tenant("one", install=False)
    one.move("https://new.example.org", redirect=True)
    before = Tenant.objects.get(pk=one.pk)
    leaving = Tenant.objects.filter(pk=one.pk)
    assert len(leaving) == 1  # it is read
    two = add_tenant("two", install=False, wwwroot="https://one.example.org")

    if how == "delete":
        before.delete()
    elif how == "deleted_at":
        before.deleted_at = timezone.now()
        before.save(update_fields=["deleted_at"])
    else:
        leaving.delete()

    assert "two" in publish.boot_file(two.key).read_text()
    assert publish.site_link(two.key).is_symlink()
    assert not publish.boot_file("new.example.org").exists()


def text_of(tenant: Tenant) -> str:
    return publish.boot_file(tenant.key).read_text()


def test_another_address_of_a_server_reaches_its_tenants(add_tenant):
    tenant = add_tenant("one", install=False)
    server = DatabaseServer.objects.get()
    server.socket, server.host, server.port = "", "db.example.org", 3307

    server.save()

    assert "'dbhost'=>'db.example.org'" in text_of(tenant)
    assert "'dbport'=>3307" in text_of(tenant)


def test_forced_settings_of_a_release_reach_its_tenants(add_tenant, releases):
    one, other = add_tenant("one", install=False), add_tenant("b", "4.3", install=False)
    releases["4.2"].forced_settings = {"themedesignermode": 1}

    releases["4.2"].save()

    assert "'themedesignermode'=>1" in text_of(one)
    assert "themedesignermode" not in text_of(other)


def test_a_release_whose_tenants_cannot_be_published_stays(
    add_tenant, releases, monkeypatch
):
    add_tenant("one", install=False)

    def fail(_tenants):
        raise publish.PublishError("the disk is full")

    monkeypatch.setattr(publish, "rebuild", fail)
    releases["4.2"].php = "php8.2"
    with pytest.raises(publish.PublishError):
        releases["4.2"].save()

    assert Release.objects.get(name="4.2").php == "php"


def test_a_release_cannot_force_what_each_tenant_has_of_its_own(releases):
    releases["4.2"].forced_settings = {"dbname": "x"}

    assert "the release 4.2 cannot force dbname" in complaint(releases["4.2"])


def test_pinning_keeps_what_was_edited_meanwhile(draft, releases):
    tenant = draft()
    tenant.save()
    Tenant.objects.filter(pk=tenant.pk).update(db_user="edited")

    tenant.pin(releases["4.3"])

    assert "'edited'" in publish.boot_file(tenant.key).read_text()
    assert Tenant.objects.get().db_user == "edited"


def test_saving_a_part_publishes_what_was_edited_meanwhile(draft):
    tenant = draft()
    tenant.save()
    before = Tenant.objects.get()
    tenant.forced_settings = {"themedesignermode": 1}
    tenant.wwwroot = "https://newer.example.org"
    tenant.save()

    before.enabled = False
    before.save(update_fields=["enabled"])

    text = publish.boot_file("newer.example.org").read_text()
    assert "'themedesignermode'=>1" in text
    assert "'enabled'=>false" in text
    assert not publish.boot_file("new.example.org").exists()


def test_pinning_moves_the_link_of_the_web_server(draft, releases):
    tenant = draft()
    tenant.save()

    tenant.pin(releases["4.3"])

    assert publish.site_link(tenant.key).resolve() == Path(releases["4.3"].path)


@pytest.mark.parametrize(
    ("seen", "wanted", "answer"),
    [("a", "a", True), ("a", "b", False), ("", "b", None), ("a", "", None)],
)
def test_a_site_is_up_to_date_when_its_hash_is_that_of_the_tree(
    rows, seen, wanted, answer
):
    [tenant] = rows(1, seen_hash=seen)
    tenant.release.versions_hash = wanted

    assert tenant.up_to_date is answer


def test_secrets_are_not_in_the_database_as_they_are(server):
    with connection.cursor() as cursor:
        cursor.execute("SELECT admin_password FROM tenants_databaseserver")
        [(stored,)] = cursor.fetchall()

    assert server.admin_password not in stored
    assert DatabaseServer.objects.get().admin_password == server.admin_password
