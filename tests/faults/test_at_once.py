"""Two processes make a tenant of the same address at the same time, again and again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tenants import moodledb
from tenants.backup import snapshots
from tenants.lifecycle import databases
from tenants.models import DatabaseServer, Tenant
from tests.conftest import ROOT, MariaDb
from tests.faults.conftest import create_registry, manage
from tests.leftovers import dropped
from tests.patience import PATIENCE
from tests.steps import end

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ROUNDS = 3
REFUSED = (
    "CommandError: {} is not made: somebody else has just taken its address, short "
    "name, database or data path\n"
)


@pytest.fixture
def template(tenant: Tenant, server: DatabaseServer):
    for _once in dropped(server):
        yield end(snapshots.take(tenant, template=True)).name
    for name in accounts(server):
        moodledb.execute(server, "DROP USER %s@'localhost'", [name])


@pytest.fixture(params=["sqlite", "mariadb"])
def fleet(request, template: str, environment: dict[str, str], tmp_path: Path):
    """Return the environment of a registry that has the template."""
    if request.param == "mariadb":
        rows = tmp_path / "rows.json"
        manage(environment, "dumpdata", "tenants", f"--output={rows}").communicate()
        there: MariaDb = request.getfixturevalue("registry")
        environment["DATABASE_URL"] = create_registry(there)
        manage(environment, "migrate", "--verbosity=0").communicate()
        manage(environment, "loaddata", f"{rows}").communicate()
    return environment


def accounts(server: DatabaseServer) -> set[str]:
    sql = "SELECT User FROM mysql.user WHERE User LIKE 'vm\\_%%'"
    return {name for (name,) in moodledb.query(server, sql)}


def begin(environment: dict[str, str], place: Path, host: str, name: str, template):
    """Begin to make a tenant; it waits for another one before it is entered."""
    words = [f"--host={host}", "--name=New", f"--shortname={name}", "--force-dns"]
    words += [f"--template={template}", f"--db-name={database(name)}"]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.meeting", place, "createnode", *words],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def database(name: str) -> str:
    return f"{name}_{os.getpid()}"


def test_one_of_two_is_made_and_the_other_refused(
    fleet: dict[str, str], template: str, server: DatabaseServer, tmp_path: Path
):
    made = set()
    for number in range(ROUNDS):
        # They want the same names, or share no more than the address.
        names = [f"a{number}", f"{'ab'[number % 2]}{number}"]
        host = f"https://n{number}.example.org"
        place = tmp_path / f"meeting{number}"
        place.mkdir()

        both = [begin(fleet, place, host, name, template) for name in names]
        said = [process.communicate(timeout=PATIENCE) for process in both]

        codes = [process.returncode for process in both]
        assert sorted(codes) == [0, 2], said
        made.add(names[codes.index(0)])
        assert said[codes.index(2)] == ("", REFUSED.format(host))

    assert_whole(fleet, server, made)


def assert_whole(
    environment: dict[str, str], server: DatabaseServer, made: set[str]
) -> None:
    """Check that these tenants have all that is theirs, and that there is no more."""
    rows = json.loads(manage(environment, "dumpdata", "tenants").communicate()[0])
    tenants = [row["fields"] for row in rows if row["model"] == "tenants.tenant"]
    found = {row["shortname"]: row for row in tenants if row["shortname"] != "one"}
    assert found.keys() == made
    assert {(row["enabled"], row["attention"]) for row in tenants} == {(True, "")}
    assert {row["db_name"] for row in found.values()} == {*map(database, made)}
    assert databases.marked(server, "vmoodle") == {}
    there = {name for (name,) in moodledb.query(server, "SHOW DATABASES")}
    assert {name for name in there if name[:1] in "ab"} == {*map(database, made)}
    assert accounts(server) == {f"vm_{name}" for name in made}
    hosts = {row["key"] for row in tenants}
    boot = Path(environment["VMOODLE_BOOT_DIR"])
    assert {path.stem for path in boot.glob("*.example.org.php")} == hosts
    sites = Path(environment["VMOODLE_SITES_DIR"]).iterdir()
    assert {path.name for path in sites if path.is_symlink()} == hosts
    data = Path(environment["VMOODLE_DATA_ROOT"]).iterdir()
    assert {str(path) for path in data} == {row["data_path"] for row in tenants}
    doctor = manage(environment, "doctor")
    assert doctor.communicate()[0] == "Nothing is left behind\n"
