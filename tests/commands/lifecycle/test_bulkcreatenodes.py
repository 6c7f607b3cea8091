import csv
import io
import stat
from pathlib import Path

import pytest

from commands.models import Run
from tenants.lifecycle import provision
from tenants.models import Journal, Snapshot, Tenant
from tests.commands.conftest import Manage, assert_refused
from tests.commands.lifecycle.conftest import db_name

pytestmark = [pytest.mark.usefixtures("workers", "settled")]
HEAD = "vhostname;name;shortname;vtemplate;vdbname;forcedns;mnet;config_theme;services"


@pytest.fixture
def nodes(template: Snapshot, tmp_path: Path):
    """Return a function that writes a list of lines, and returns its path."""

    def write(*lines: str, head: str = HEAD) -> str:
        path = tmp_path / "nodes.csv"
        path.write_text("\n".join([head, *lines, ""]))
        return str(path)

    return write


def line(name: str, template: str = "one.example.org", **changed: str) -> str:
    values = {
        "host": f"https://{name}.example.org",
        "name": f"School {name}",
        "shortname": name,
        "template": template,
        "vdbname": db_name(name),
        "forcedns": "1",
        "mnet": "",
        "theme": "",
        "services": "",
    }
    return ";".join((values | changed).values())


def made() -> set[str]:
    return set(
        Tenant.objects.exclude(shortname="one").values_list("shortname", "enabled")
    )


def test_three_bad_lines_of_twenty_leave_the_others(
    manage: Manage, nodes, settled, tmp_path: Path
):
    lines = [line(f"n{number}") for number in range(20)]
    lines[1] = line("n1", services="default")
    lines[4] = line("n4", template="none")
    lines[9] = line("n9", shortname="N3")
    lines[14] = line("n14") + ";;x"
    lines[19] = line("n19", mnet="NEW", theme="classic", services="subnetwork")
    report = tmp_path / "failed.csv"
    report.touch(0o644)  # as one who made it before

    said = manage("bulkcreatenodes", f"--nodes={nodes(*lines)}", f"--report={report}")

    assert said.code == 1
    assert said.out.splitlines()[-1] == "17 made, 0 there, 3 failed"
    assert f"Failed lines: 6, 11, 16; correct {report} and give it" in said.err
    assert "line 6: https://n4.example.org: vtemplate: There is no template" in said.err
    assert (
        "line 11: https://n9.example.org: its short name N3 is that of line 5"
        in said.err
    )
    assert "line 16: https://n14.example.org: it has 11 values for 9" in said.err
    bad = {"n4", "n9", "n14"}
    assert made() == {(f"n{n}", True) for n in range(20) if f"n{n}" not in bad}
    new = Tenant.objects.get(shortname="n19")
    assert (new.network, new.metadata) == (2, {"services": "subnetwork"})
    first, second = Tenant.objects.filter(shortname__in=["n0", "n1"]).order_by("pk")
    assert (first.network, first.has_sign_on_only) == (1, False)
    assert second.has_sign_on_only
    assert ("set_config", {"settings": {"": {"theme": "classic"}}}) in settled
    assert Run.objects.get().counts()["succeeded"] == 17
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    rows = list(csv.DictReader(io.StringIO(report.read_text()), delimiter=";"))
    assert [row["shortname"] for row in rows] == ["n4", "N3", "n14"]
    assert "There is no template none" in rows[0]["error"]

    report.write_text(report.read_text().replace(";none;", ";one.example.org;"))
    said = manage("bulkcreatenodes", f"--nodes={report}")

    # What was one cell too many is not in the report: that line is right now.
    assert said.out.splitlines()[-1] == "2 made, 0 there, 1 failed"
    again = manage("bulkcreatenodes", f"--nodes={nodes(*lines)}")
    assert again.out.splitlines()[-1] == "0 made, 18 there, 2 failed"


def test_lint_and_strict_make_nothing(manage: Manage, nodes):
    path = nodes(line("n1"), line("n2", services="x"), line("n3", forcedns="0"))
    plan = "line 2: https://n1.example.org (template one-"

    said = manage("bulkcreatenodes", f"--nodes={path}", "--lint")
    strict = manage("bulkcreatenodes", f"--nodes={path}", "--strict")

    assert (said.code, strict.code) == (1, 1)
    assert plan in said.out
    assert f"database {db_name('n1')} on db1, account vm_n1" in said.out
    assert "line 3: https://n2.example.org: services: 'x' is none of" in strict.err
    assert "n3.example.org does not resolve: set it up, or use 'forcedns'" in strict.err
    assert not Journal.objects.exists()
    assert not Run.objects.exists()


def test_each_tenant_is_asked_about(manage: Manage, nodes, monkeypatch):
    path = nodes(line("n1"), line("n2"))
    assert_refused(
        manage("bulkcreatenodes", f"--nodes={path}", "-i"), "--interactive needs a"
    )
    terminal = io.StringIO("what\nn\nyes\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)

    said = manage("bulkcreatenodes", f"--nodes={path}", "-i")

    assert said.code == 0, said.err
    assert made() == {("n2", True)}
    terminal.seek(0)
    terminal.truncate()
    terminal.write("q\n")
    terminal.seek(0)
    again = manage("bulkcreatenodes", f"--nodes={path}", "-i")
    assert (again.code, Run.objects.count()) == (2, 1)
    assert "Nothing was done" in again.err


def test_a_job_that_fails_is_a_line_that_failed(
    manage: Manage, nodes, monkeypatch, tmp_path: Path
):
    load = provision.snapshots.load

    def fail(snapshot, server, name):
        if name == db_name("n2"):
            raise provision.LifecycleError("it does not want to")
        yield from load(snapshot, server, name)

    monkeypatch.setattr(provision.snapshots, "load", fail)
    report = tmp_path / "failed.csv"

    said = manage(
        "bulkcreatenodes",
        f"--nodes={nodes(line('n1'), line('n2'))}",
        "--report",
        str(report),
    )

    assert said.code == 1
    assert said.out.splitlines()[-1] == "1 made, 0 there, 1 failed"
    assert "load the site: it does not want to" in report.read_text()
    assert made() == {("n1", True)}


def test_a_report_never_overwrites_the_list(manage: Manage, nodes):
    path = nodes(line("n1"))

    said = manage("bulkcreatenodes", f"--nodes={path}", f"--report={path}")

    assert_refused(said, "would overwrite the list itself")
