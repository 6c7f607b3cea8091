"""The PHP system's lists as a choice of tenants."""

import io
from pathlib import Path

import pytest

from commands.models import Run
from tenants.models import Snapshot, Tenant
from tests.commands.conftest import Manage, assert_refused
from tests.conftest import AddTenant

pytestmark = pytest.mark.django_db(transaction=True)
LIST = """\ufeff# those of the north
vhostname;mnet;shortname
https://two.example.org/;NEW;two
https://gone.example.org;1;gone
https://one.example.org;;one
"""


@pytest.fixture
def nodes(add_tenant: AddTenant, tmp_path: Path) -> str:
    """Return a list of two tenants of three, and one that is none."""
    for name in ("one", "two", "three"):
        add_tenant(name, install=name == "one", enabled=name != "two")
    path = tmp_path / "nodes.csv"
    path.write_text(LIST)
    return f"--nodes={path}"


@pytest.mark.usefixtures("workers")
def test_the_tenants_of_a_list_are_snapshotted_or_destroyed(manage: Manage, nodes: str):
    said = manage("bulksnapshot", nodes, "--exclude=two*")

    assert said.code == 0, said.err
    assert "line 4: https://gone.example.org: no such tenant: left out" in said.err
    assert Snapshot.objects.get().tenant.shortname == "one"

    said = manage("bulkdestroynodes", nodes, "--yes", "--without-snapshot")

    assert said.code == 0, said.err
    gone = Tenant.objects.exclude(deleted_at=None)
    assert set(gone.values_list("shortname", flat=True)) == {"one", "two"}


@pytest.mark.usefixtures("workers")
def test_each_is_asked_about(manage: Manage, nodes: str, monkeypatch):
    terminal = io.StringIO("y\nn\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)

    said = manage("bulkdestroynodes", nodes, "-i", "--yes", "--without-snapshot")

    assert said.code == 0, said.err
    assert Tenant.objects.exclude(deleted_at=None).get().shortname == "one"


@pytest.mark.usefixtures("workers")
def test_options_may_stand_in_a_file(manage: Manage, nodes: str, tmp_path: Path):
    config = tmp_path / "config"
    config.write_text(
        f"# ours\n{nodes[2:]}\ninteractive=0\nyes = 1\njobs=1\nnote=x y\n"
    )

    said = manage("bulksnapshot", f"--config={config}", "--exclude=two*")

    assert said.code == 0, said.err
    assert Snapshot.objects.get().note == "x y"
    manage("bulksnapshot", "--note=a", "-c", str(config), "--note=z", "-e", "two*")
    assert {one.note for one in Snapshot.objects.all()} == {"x y", "z"}
    config.write_text("colour=red")
    said = manage("bulksnapshot", "-c", str(config))
    assert (said.code, "--colour=red" in said.err) == (2, True)
    config.write_text(f"config={config}")
    said = manage("bulksnapshot", "-c", str(config))
    assert (said.code, "may name no further file" in said.err) == (2, True)
    assert "cannot be read" in manage("bulksnapshot", "-c", "/none").err


@pytest.mark.usefixtures("workers", "nodes")
def test_a_list_without_a_name_is_not_all_tenants(manage: Manage):
    said = manage("bulkdestroynodes", "--nodes=", "--yes", "--without-snapshot")

    assert_refused(said, "--nodes is empty: leave it out, or give it a value")
    assert not Tenant.objects.exclude(deleted_at=None).exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-i"], "--interactive needs a terminal"),
        (["--retry=1"], "--retry takes the tenants of the former run"),
        (["--tag=none"], "There is no tag none"),
    ],
)
@pytest.mark.usefixtures("workers")
def test_wrong_use_does_nothing(manage: Manage, nodes: str, words, sentence: str):
    said = manage("bulksnapshot", nodes, *words)

    assert (said.code, Run.objects.count()) == (2, 0)
    assert sentence in said.err


@pytest.mark.usefixtures("workers")
def test_a_list_of_strangers_is_refused(manage: Manage, tmp_path: Path):
    (tmp_path / "n.csv").write_text("vhostname\nhttps://gone.example.org\n")

    said = manage("bulksnapshot", f"--nodes={tmp_path / 'n.csv'}")

    assert_refused(said, "names no tenant of the registry")
