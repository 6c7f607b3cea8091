"""Sites of the PHP system, and others that exist, become tenants."""

from pathlib import Path

import pytest
from django.utils import timezone

from tenants import legacy, moodledb, takeover
from tenants.lifecycle import databases
from tenants.models import DatabaseServer, Release, Tenant
from tenants.phpconfig import PhpConfig
from tenants.serving import publish
from tests.commands.conftest import Manage
from tests.conftest import AddTenant

# As Moodle makes it of local/vmoodle/db/install.xml.
TABLE = """
CREATE TABLE {table} (
  id bigint(10) NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(255), shortname varchar(80), description longtext,
  vhostname varchar(255), vdbtype varchar(16) NOT NULL DEFAULT 'mysqli',
  vdbhost varchar(80) NOT NULL DEFAULT 'localhost',
  vdblogin varchar(16) NOT NULL DEFAULT 'root', vdbpass varchar(32),
  vdbname varchar(64), vdbprefix varchar(10) NOT NULL DEFAULT 'mdl_',
  vdbpersist tinyint(1) NOT NULL DEFAULT 0, vdatapath varchar(255),
  mnet smallint(3) NOT NULL DEFAULT 0, enabled tinyint(1) NOT NULL DEFAULT 1,
  timecreated bigint(10) NOT NULL DEFAULT 0, lastcron bigint(11) NOT NULL DEFAULT 0,
  lastcrongap bigint(11) NOT NULL DEFAULT 0, croncount bigint(11) NOT NULL DEFAULT 0,
  metadata longtext
)
"""
CONFIG = """<?php
unset($CFG); global $CFG; $CFG = new stdClass();
$CFG->dbtype = 'mariadb'; $CFG->dblibrary = 'native';
$CFG->dbhost = 'localhost'; $CFG->dbname = '{db}'; $CFG->dbuser = '{user}';
$CFG->dbpass = '{password}'; $CFG->prefix = 'mdl_';
$CFG->dboptions = ['dbpersist' => 0, 'dbport' => '', 'dbsocket' => '{socket}'];
$CFG->wwwroot = '{root}'; $CFG->dataroot = '{data}';
$CFG->noemailever = true;
$CFG->smtphosts = getenv('SMTP');
require_once __DIR__ . '/lib/setup.php';
"""
VCONFIG = """<?php
if (defined('CLI_SCRIPT') && !defined('CLI_VMOODLE_OVERRIDE')) { return; }
$CFG->vmasterdbhost = 'localhost'; $CFG->vmasterdbname = '';
$CFG->vmasterprefix = 'mdl_';
$CFG->vmoodlehardchildsdefaults = 'schools';
vmoodle_boot_configuration();
"""
EXPECTED = ("wwwroot", "name", "shortname", "network", "enabled", "is_main")


def config_of(tenant: Tenant) -> str:
    return CONFIG.format(
        db=tenant.db_name,
        user=tenant.db_user,
        password=tenant.db_password,
        socket=tenant.server.socket,
        root=tenant.wwwroot,
        data=tenant.data_path,
    )


def row_of(tenant: Tenant, **values) -> dict[str, object]:
    row = {
        "name": f"{tenant.shortname} of PHP",
        "shortname": tenant.shortname,
        "vhostname": tenant.wwwroot,
        "vdbtype": "mariadb",
        "vdbhost": f"localhost:{tenant.server.socket}",
        "vdblogin": tenant.db_user,
        "vdbpass": tenant.db_password,
        "vdbname": tenant.db_name,
        "vdatapath": tenant.data_path,
    }
    return row | values


@pytest.fixture
def fleet(add_tenant: AddTenant) -> list[Tenant]:
    """Return four sites that are not in the registry any more: the first is main."""
    made = [add_tenant(name) for name in ("main", "north", "south", "odd")]
    Tenant.objects.all().delete()
    return made


@pytest.fixture
def php_system(fleet: list[Tenant], tmp_path: Path) -> Path:
    """Return the config.php of a main site with a register of five rows."""
    main, north, south, odd = fleet
    table = moodledb.table(main, "local_vmoodle")
    moodledb.execute(main.server, TABLE.format(table=table))
    for row in (
        row_of(north, mnet=2, lastcron=1700000000, lastcrongap=90, croncount=7),
        row_of(south, mnet=-1, enabled=0, metadata='{"owner": "Ann"}', timecreated=1),
        row_of(odd, shortname="odd one", vdatapath="/nowhere"),
        row_of(north, vhostname="https://other.example.org", vdbtype="postgres"),
        row_of(south, vhostname="https://twin.example.org", shortname="twin"),
    ):
        marks = ", ".join(["%s"] * len(row))
        sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
        moodledb.execute(main.server, sql, list(row.values()))
    tree = tmp_path / "php-system"
    tree.mkdir()
    (tree / "config.php").write_text(config_of(main))
    (tree / "vconfig.php").write_text(VCONFIG)
    return tree / "config.php"


def entered() -> list[tuple]:
    return list(Tenant.objects.order_by("wwwroot").values_list(*EXPECTED))


def test_a_register_of_the_php_system_is_taken_over(manage: Manage, php_system: Path):
    plan = manage("sync_vmoodle_register", f"--config={php_system}")
    none = entered()
    done = manage("sync_vmoodle_register", f"--config={php_system}", "--yes")
    again = manage("sync_vmoodle_register", f"--config={php_system}", "--yes")

    assert none == []
    assert "3 to be entered, 0 there, 3 refused" in plan.out
    assert done.code == 1
    assert "3 entered, 0 there, 3 refused" in done.out
    assert "0 entered, 3 there, 3 refused" in again.out
    assert entered() == [
        ("https://main.example.org", "Site", "site", 0, True, True),
        ("https://north.example.org", "north of PHP", "north", 2, True, False),
        ("https://south.example.org", "south of PHP", "south", -1, False, False),
    ]
    assert (
        "row 2: https://south.example.org: it is disabled there and served" in done.out
    )
    assert (
        "main site: https://main.example.org: $CFG->noemailever is forced" in done.out
    )
    assert "not taken over: $CFG->smtphosts: line 9 computes it" in done.out
    assert "local/defaults_schools.php" in done.out
    assert "data path: /nowhere is not there" in done.err
    assert "its database is postgres: VMoodle serves MariaDB and MySQL only" in done.err
    assert "its database is that of row 2" in done.err


def test_port_and_socket_of_config_php_are_those_of_all():
    options = {"dbport": "3307", "dbsocket": "/run/a.sock"}
    config = PhpConfig(values={"dboptions": options})
    found = []

    for host in ("localhost", "db.example.org"):
        site = legacy.from_row("row 1", {"vdbhost": host})
        legacy.take_place(site, config)
        found.append((site.db_host, site.port, site.socket))

    local, remote = found
    assert local == ("localhost", 3307, "/run/a.sock")
    assert remote == ("db.example.org", 3307, "")


@pytest.mark.parametrize(
    ("host", "port", "known"),
    [
        ("localhost", 3306, True),
        ("localhost", 3307, True),  # PHP takes the socket then
        ("127.0.0.1", 3306, True),
        ("127.0.0.1", 3307, False),
        ("db.example.org", 3306, False),
    ],
)
def test_another_port_is_another_server(server, host: str, port: int, known: bool):
    site = legacy.Site("row 1", {}, db_host=host, port=port)

    assert takeover.server_of(site) == (server if known else None)


def test_what_a_register_knows_of_a_site_is_kept(
    manage: Manage, php_system: Path, fleet: list[Tenant]
):
    manage("sync_vmoodle_register", f"--config={php_system}", "--yes")

    north = Tenant.objects.get(shortname="north")
    south = Tenant.objects.get(shortname="south")
    assert (north.last_cron_gap, north.cron_count) == (90, 7)
    assert north.last_cron and north.last_cron.timestamp() == 1700000000
    assert south.metadata == {"owner": "Ann"}
    assert south.created_at.timestamp() == 1
    assert north.db_password == fleet[1].db_password
    assert publish.differences(north) == []
    sql = "UPDATE {} SET mnet = 5, enabled = 0 WHERE shortname = 'north'"
    table = moodledb.table(fleet[0], "local_vmoodle")
    moodledb.execute(north.server, sql.format(table))
    told = manage("sync_vmoodle_register", f"--config={php_system}", "--yes")
    assert "with another network, enabled: --update takes it over" in told.out
    told = manage(
        "sync_vmoodle_register", f"--config={php_system}", "--yes", "--update"
    )
    assert "who knows whom by MNet stays as it is on the sites" in told.out
    north.refresh_from_db()
    assert (north.network, north.enabled) == (5, False)


def test_what_a_job_does_meanwhile_is_left_to_it(
    manage: Manage, php_system: Path, fleet: list[Tenant], monkeypatch
):
    words = ["sync_vmoodle_register", f"--config={php_system}", "--yes", "--update"]
    manage(*words)
    north = Tenant.objects.get(shortname="north")
    table = moodledb.table(fleet[0], "local_vmoodle")
    sql = f"UPDATE {table} SET mnet = 5 WHERE shortname = 'north'"
    moodledb.execute(north.server, sql)
    carry_out, job = takeover.Takeover.carry_out, {"held_by": 7}

    def late(self):
        Tenant.objects.filter(pk=north.pk).update(**job)
        return carry_out(self)

    monkeypatch.setattr(takeover.Takeover, "carry_out", late)

    refused = manage(*words)
    busy = Tenant.objects.get(pk=north.pk)
    job |= {"held_by": None, "attention": "its upgrade failed half-way"}
    manage(*words)

    assert "Job 7 is at work on https://north.example.org: wait" in refused.err
    assert (busy.held_by, busy.network) == (7, 2)
    north.refresh_from_db()
    assert (north.network, north.attention) == (5, job["attention"])


def test_one_that_is_deleted_here_is_not_enabled_by_a_register(
    manage: Manage, php_system: Path
):
    words = ["sync_vmoodle_register", f"--config={php_system}", "--yes", "--update"]
    manage(*words)
    north = Tenant.objects.filter(shortname="north")
    north.update(enabled=False, deleted_at=timezone.now())

    said = manage(*words)

    assert "it is there, but deleted: lifecycle/Enable brings it back" in said.out
    assert not north.get().enabled


@pytest.mark.parametrize("order", [1, -1], ids=["outer first", "inner first"])
def test_a_data_path_within_that_of_another_site_is_refused(
    manage: Manage, fleet: list[Tenant], tmp_path: Path, order: int
):
    north, south = fleet[1:3]
    inner = Path(north.data_path, "vmoodle", "south")
    inner.mkdir(parents=True)
    rows = [row_of(north), row_of(south, vdatapath=inner)]
    lines = [";".join(map(str, row.values())) for row in rows[::order]]
    nodes = tmp_path / "nodes.csv"
    nodes.write_text("\n".join([";".join(rows[0]), *lines]))

    done = manage("integrate_vmoodles", f"--nodefile={nodes}")

    assert "1 entered, 0 there, 1 refused" in done.out, done.err
    assert "refused: its data path overlaps that of line 2" in done.err


def test_a_file_that_is_not_there_is_told(manage: Manage):
    said = manage("sync_vmoodle_register", "--config=/none/config.php")

    assert said.code == 2
    assert "/none/config.php: No such file or directory" in said.err
    assert "Errno" not in said.err


def test_nothing_is_left_of_a_move_that_fails(
    manage: Manage, php_system: Path, monkeypatch
):
    real = publish.publish

    def fail(tenant: Tenant) -> None:
        if tenant.shortname == "south":
            raise publish.PublishError("south cannot be published: no space left")
        real(tenant)

    monkeypatch.setattr(publish, "publish", fail)

    said = manage("sync_vmoodle_register", f"--config={php_system}", "--yes")

    assert said.code == 2
    assert "no space left" in said.err
    assert entered() == []
    assert not publish.boot_file("north.example.org").is_symlink()


def test_a_server_that_is_not_registered_needs_an_account(
    manage: Manage, fleet: list[Tenant], tmp_path: Path
):
    server = fleet[0].server
    configs, secret = tmp_path / "configs", tmp_path / "secret"
    configs.mkdir()
    for tenant in fleet[1:3]:
        path = configs / f"config-moodle-{tenant.shortname}.php"
        path.write_text(config_of(tenant))
    (configs / "config-bad.php").write_text("<?php $CFG->wwwroot = getenv('W');")
    secret.write_text(f"{server.admin_password}\n")
    DatabaseServer.objects.all().delete()
    words = ["integrate_vmoodles", f"--configdir={configs}"]
    account = ["--admin-user=vmoodle", f"--admin-password-file={secret}"]

    refused = manage(*words)
    simulated = manage(*words, *account, "--simulate")
    none = Tenant.objects.count(), DatabaseServer.objects.count()
    done = manage(*words, *account)

    assert "is not registered: register it, or give --admin-user" in refused.err
    assert none == (0, 0)
    assert "2 to be entered, 0 there, 1 refused" in simulated.out
    assert "$CFG->wwwroot: line 1 computes it" in done.err
    assert "2 entered, 0 there, 1 refused" in done.out
    north = Tenant.objects.get(shortname="north")
    assert (north.name, north.forced_settings) == ("Site", {"noemailever": True})
    made = DatabaseServer.objects.get()
    assert (made.name, made.socket, made.admin_user) == (
        *("local", server.socket, "vmoodle"),
    )
    assert databases.exists(made, north.db_name)


def test_a_list_of_sites_is_entered(
    manage: Manage, fleet: list[Tenant], tmp_path: Path
):
    services = ("default", "none", "")
    nodes = tmp_path / "nodes.csv"
    rows = [
        row_of(tenant, mnet=mnet, services=services)
        for tenant, mnet, services in zip(fleet, "0x7", services, strict=False)
    ]
    lines = [";".join(map(str, row.values())) for row in rows]
    nodes.write_text("\n".join([";".join(rows[0]), "# a comment", *lines]))

    done = manage("integrate_vmoodles", f"--nodefile={nodes}", "--release=4.2")

    assert "2 entered, 0 there, 1 refused" in done.out, done.err
    assert "line 4: https://north.example.org: refused: its mnet 'x'" in done.err
    assert "'none' is none of default, subnetwork" in done.err
    assert [row[3] for row in entered()] == [0, 7]
    plain = Tenant.objects.get(network=0)
    assert plain.metadata == {"services": "default"}
    assert set(Tenant.objects.values_list("release__name", flat=True)) == {"4.2"}
    assert Release.objects.count() == 2
