"""Tenants below one host, and their links in the code tree."""

import subprocess
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from tenants import files
from tenants.models import Tenant
from tenants.serving import publish, subpath
from tenants.serving.publish import PublishError
from tests.boot.fleet import make_tenant, make_tree, published

ONE, TWO = "https://a.example.org/one", "https://b.example.org/one"


@pytest.fixture(autouse=True)
def mode(settings) -> None:
    settings.VMOODLE_USE_SUBPATH = settings.VMOODLE_SUBPATH_LINKS = True


@pytest.fixture
def tree(tmp_path: Path, directories: None) -> Path:
    return make_tree(tmp_path / "4.3")


def test_a_link_lasts_as_long_as_a_tenant_needs_it(tree: Path, tmp_path: Path):
    one = published(ONE, tree)
    published(TWO, tree, shortname="b")
    assert (tree / "one").readlink() == Path()

    publish.unpublish(one.key)
    assert (tree / "one" / "login/index.php").is_file()

    public = make_tree(tmp_path / "5.1", public=True)
    published(TWO, public, shortname="b")
    assert not (tree / "one").is_symlink()
    assert (public / "public/one").readlink() == Path()

    publish.unpublish("b.example.org~one")
    assert not (public / "public/one").is_symlink()


def test_what_moodle_has_itself_is_never_touched(tree: Path):
    (tree / "one").symlink_to("login")

    with pytest.raises(PublishError, match="is there and no link to '.'"):
        published(ONE, tree)
    subpath.remove(str(tree), "one")
    subpath.remove(str(tree), "login")

    assert (tree / "one").readlink() == Path("login")
    assert not publish.boot_file("a.example.org~one").is_symlink()


def test_a_link_is_taken_back_when_publishing_fails(tree: Path, monkeypatch):
    def fail(*_args: object) -> None:
        raise OSError(28, "no space left", "x")

    monkeypatch.setattr(publish, "_flip", fail)

    with pytest.raises(PublishError, match="no space left"):
        published(ONE, tree)

    assert not (tree / "one").is_symlink()


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "A", "a b", "*", "x\n"])
def test_no_other_name_comes_near_a_shell(tree: Path, monkeypatch, name: str):
    monkeypatch.setattr(subpath, "as_user", pytest.fail)

    for change in (subpath.add, subpath.remove):
        with pytest.raises(PublishError, match="is not a sub-path"):
            change(str(tree), name)


def test_another_user_gets_fixed_arguments(tree: Path, monkeypatch, settings):
    settings.VMOODLE_SUDO_USER = "moodle"
    seen: list[list[str]] = []

    def run(argv, **_how):
        seen.append(argv)
        return subprocess.CompletedProcess(argv, 1, "", "sudo: a password is required")

    monkeypatch.setattr(files.subprocess, "run", run)
    with pytest.raises(PublishError, match=r"password is required.*make_subdirs"):
        published(ONE, tree)
    (tree / "one").symlink_to(".")
    with pytest.raises(PublishError, match="password is required"):
        subpath.remove(str(tree), "one")

    sudo = ["sudo", "-n", "-u", "moodle", "--"]
    made = ["/usr/bin/ln", "-s", "-T", "--", ".", f"{tree}/one"]
    found = ["-maxdepth", "1", "-type", "l", "-lname", ".", "-name", "one", "-delete"]
    assert seen == [[*sudo, *made], [*sudo, "/usr/bin/find", str(tree), *found]]


def test_a_sub_path_must_be_wanted_and_free(settings, tmp_path: Path, rows):
    [tenant] = rows(1)
    tenant.release.path = str(make_tree(tmp_path / "x"))
    for path, said in (
        ("login", "Moodle itself has a /login"),
        ("course", "Moodle itself has a /course"),  # if not this tree, then others
        ("a/b", "first level"),
    ):
        tenant.wwwroot = f"https://a.example.org/{path}"
        with pytest.raises(ValidationError, match=said):
            tenant.clean()
    tenant.wwwroot = ONE
    tenant.clean()

    settings.VMOODLE_USE_SUBPATH = False
    with pytest.raises(ValidationError, match="set VMOODLE_USE_SUBPATH=true"):
        tenant.clean()
    Tenant.objects.filter(pk=tenant.pk).update(wwwroot=ONE, key=tenant.key)
    tenant.clean()  # it is there already


def test_a_tree_whose_path_sudoers_cannot_hold_is_told(settings):
    with pytest.raises(PublishError, match="cannot stand in sudoers"):
        subpath.sudoers(["/opt/my moodle"])


def test_without_links_in_trees_none_is_made(settings, tree: Path):
    settings.VMOODLE_SUBPATH_LINKS = False

    publish.publish(make_tenant(ONE, tree))

    assert not (tree / "one").is_symlink()
