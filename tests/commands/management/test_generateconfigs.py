from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tenants.models import DatabaseServer, Release, Tenant
from tenants.serving.adopt import adopt
from tenants.serving.publish import boot_file, site_link
from tests.boot.fleet import make_tree

KEY = "a.example.org"

pytestmark = pytest.mark.django_db


@pytest.fixture
def release(settings, tmp_path: Path) -> Release:
    settings.VMOODLE_BOOT_DIR = tmp_path / "boot"
    settings.VMOODLE_SITES_DIR = tmp_path / "sites"
    return Release.objects.create(name="4.3", path=str(make_tree(tmp_path / "4.3")))


@pytest.fixture
def tenants(release: Release) -> list[Tenant]:
    server = DatabaseServer.objects.create(name="one", admin_user="root")
    return [
        Tenant.objects.create(
            wwwroot=f"https://{name}.example.org",
            name=name,
            shortname=name,
            release=release,
            server=server,
            db_name=name,
            db_user=name,
            db_password=f"secret '{name}'",
            data_path=f"/srv/data/{name}",
        )
        for name in ("a", "b")
    ]


def generateconfigs(*options: str) -> str:
    out = StringIO()
    call_command("generateconfigs", *options, stdout=out, stderr=out)
    return out.getvalue()


def refusal(*options: str) -> tuple[str, str]:
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("generateconfigs", *options, stdout=out, stderr=out)
    assert error.value.returncode == 1
    return out.getvalue(), str(error.value)


def test_a_saved_tenant_is_published_already(tenants: list[Tenant]):
    assert generateconfigs() == "2 tenants published, 0 changes\n"
    assert generateconfigs("--check") == "2 tenants published, 0 changes\n"


def test_what_is_missing_is_mended_and_said(tenants: list[Tenant]):
    boot_file(KEY).unlink()
    site_link("gone.example.org").symlink_to("/")

    said = generateconfigs()

    assert f"Mended: {boot_file(KEY)}: missing or different\n" in said
    assert f"Mended: {site_link('gone.example.org')}: belongs to no tenant\n" in said
    assert said.endswith("2 tenants published, 2 changes\n")
    assert generateconfigs("--check").endswith("0 changes\n")


def test_check_changes_nothing_and_fails(tenants: list[Tenant]):
    boot_file(KEY).unlink()

    said, error = refusal("--check")

    assert f"Differs: {boot_file(KEY)}: missing or different\n" in said
    assert error == "Differences: 1; generateconfigs mends them"
    assert not boot_file(KEY).is_symlink()


def test_changed_settings_reach_every_tenant(tenants: list[Tenant], settings):
    settings.VMOODLE_FORCED_SETTINGS = {"noemailever": True}
    Release.objects.update(forced_settings={"theme": "boost"})

    assert generateconfigs().endswith("2 tenants published, 4 changes\n")
    assert "'theme'=>'boost'" in boot_file(KEY).read_text()
    assert "'noemailever'=>true" in boot_file(KEY).read_text()


def test_what_is_wrong_for_all_is_said_once(tenants: list[Tenant], settings):
    settings.VMOODLE_TRUSTED_PROXIES = ["proxy"]

    said, error = refusal()

    assert said == ""
    assert error.startswith("VMOODLE_TRUSTED_PROXIES: 'proxy' is not an IP address")


def test_a_tenant_that_cannot_be_published_is_said(tenants: list[Tenant]):
    Tenant.objects.filter(key=KEY).update(forced_settings={"dbpass": "x"})

    said, error = refusal()

    assert "https://a.example.org cannot force dbpass" in said
    assert error == "Not mended by this command: 1, see above"


def test_a_release_that_is_not_adopted_is_said(tenants: list[Tenant], release: Release):
    (Path(release.path) / "config.php").write_text("<?php\n")

    said, _ = refusal()

    assert f"{release.path}/config.php is not VMoodle's" in said
    assert "run adopt_release 4.3" in said
    adopt(release)
    assert generateconfigs().endswith("0 changes\n")


def test_no_tenants_are_no_problem(release: Release):
    assert generateconfigs().splitlines()[-1].startswith("0 tenants published")


def test_no_password_is_printed(tenants: list[Tenant]):
    boot_file(KEY).resolve().write_text("<?php return [];")

    assert "secret" not in refusal("--check")[0] + generateconfigs()
