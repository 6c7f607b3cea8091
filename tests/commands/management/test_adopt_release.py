import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from demo.sandbox.build import build
from tenants.models import Release
from tests.boot.fleet import make_tree, published, run_cli

pytestmark = pytest.mark.django_db

FORMER = "<?php\n$CFG->dbpass = 'former secret';\n"


@pytest.fixture
def tree(settings, tmp_path: Path) -> Path:
    settings.VMOODLE_BOOT_DIR = tmp_path / "it's a boot dir"
    settings.VMOODLE_SITES_DIR = tmp_path / "sites"
    tree = make_tree(tmp_path / "4.3")
    (tree / "config.php").unlink()
    Release.objects.create(name="4.3", path=str(tree))
    return tree


def adopt_release(*options: str) -> str:
    out = StringIO()
    call_command("adopt_release", *options, stdout=out)
    return out.getvalue()


def test_an_adopted_tree_serves_tenants(tree: Path):
    said = adopt_release("4.3")

    published("https://a.example.org", tree)
    page = json.loads(run_cli(tree, "--host=https://a.example.org").stdout)
    assert said == f"{tree} serves VMoodle's tenants now\n"
    assert page["cfg"]["wwwroot"] == "https://a.example.org"
    assert (tree / "config.php").stat().st_mode & 0o777 == 0o644


def test_a_tree_is_entered_and_adopted(tree: Path, tmp_path: Path):
    new = tmp_path / "4.2"
    build("4.2", new)
    Release.objects.all().delete()

    said = adopt_release("4.2", f"--path={new}")

    assert said == f"{new} serves VMoodle's tenants now\n"
    release = Release.objects.get()
    assert (release.path, release.version) == (str(new), "2023042400.00")
    assert len(release.versions_hash) == 40
    assert "already" in adopt_release("4.2", f"--path={new}")
    for name, path, sentence in (
        ("4.2", tmp_path, f"Release 4.2 has the path {new}: change it"),
        ("4.9", new, "Release with this Path already exists"),
        ("4.9", tmp_path / "none", "there is no such directory; give the directory"),
    ):
        with pytest.raises(CommandError, match=sentence):
            adopt_release(name, f"--path={path}")


def test_before_the_first_tenant_no_tenant_is_found(tree: Path):
    adopt_release("4.3")

    done = run_cli(tree, "--host=https://a.example.org")

    assert done.returncode == 78
    assert "there is no tenant https://a.example.org" in done.stderr


def test_a_tree_with_public_is_adopted_too(tree: Path, tmp_path: Path):
    public = make_tree(tmp_path / "5.1", public=True)
    Release.objects.create(name="5.1", path=str(public))
    wanted = (public / "config.php").read_text()

    assert adopt_release("5.1", "--print") == wanted
    assert "__DIR__ . '/public/lib/setup.php'" in wanted


def test_a_former_config_is_kept_and_private(tree: Path):
    (tree / "config.php").write_text(FORMER)
    (tree / "config.php").chmod(0o644)

    said = adopt_release("4.3")

    kept = tree / "config.php.before-vmoodle"
    assert f"Its former config.php is {kept}\n" in said
    assert kept.read_text() == FORMER
    assert kept.stat().st_mode & 0o777 == 0o600


def test_no_kept_config_is_overwritten(tree: Path):
    for text in ("one", "two", "three"):
        (tree / "config.php").write_text(text)
        adopt_release("4.3")

    kept = {path.name: path.read_text() for path in tree.glob("config.php.*")}
    assert kept == {
        "config.php.before-vmoodle": "one",
        "config.php.before-vmoodle-1": "two",
        "config.php.before-vmoodle-2": "three",
    }
    assert not list(tree.glob(".config*"))


def test_a_linked_config_is_replaced_not_followed(tree: Path, tmp_path: Path):
    (tmp_path / "elsewhere.php").write_text(FORMER)
    (tree / "config.php").symlink_to(tmp_path / "elsewhere.php")

    adopt_release("4.3")

    assert (tmp_path / "elsewhere.php").read_text() == FORMER
    assert "boot.php" in (tree / "config.php").read_text()


def test_adopting_twice_changes_nothing(tree: Path):
    adopt_release("4.3")
    before = (tree / "config.php").stat()

    assert adopt_release("4.3") == f"{tree} serves VMoodle's tenants already\n"
    assert (tree / "config.php").stat() == before


def test_print_writes_nothing(tree: Path, settings):
    text = adopt_release("4.3", "--print")

    assert text.startswith("<?php\nglobal $CFG;\n$CFG = (require '")
    assert not (tree / "config.php").exists()
    assert not settings.VMOODLE_BOOT_DIR.exists()


def test_an_unknown_release_is_bad_use(tree: Path):
    with pytest.raises(CommandError, match=r"no release 9 \(known: 4.3\)") as error:
        adopt_release("9")

    assert error.value.returncode == 2


def test_a_tree_that_cannot_be_written_keeps_its_config(tree: Path, monkeypatch):
    (tree / "config.php").write_text(FORMER)

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.link", refuse)
    with pytest.raises(CommandError, match=r"cannot be written .* --print") as error:
        adopt_release("4.3")

    assert error.value.returncode == 1
    assert sorted(path.name for path in tree.glob("*config*")) == ["config.php"]
    assert (tree / "config.php").read_text() == FORMER


@pytest.mark.parametrize(("gone", "kind"), [("", "directory"), ("version.php",) * 2])
def test_a_tree_that_is_gone_is_wrong_use(
    tree: Path, tmp_path: Path, gone: str, kind: str
):
    adopt_release("4.3")
    (tree / gone).rename(tmp_path / "moved")

    with pytest.raises(CommandError, match=f"there is no such {kind}") as error:
        adopt_release("4.3")

    assert error.value.returncode == 2
