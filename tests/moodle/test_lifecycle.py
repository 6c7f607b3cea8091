"""The life of tenants, on real Moodle sites."""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnet import sites
from tenants import moodledb, web
from tenants.forms import NewTenantForm
from tenants.lifecycle import databases, provision
from tenants.models import Checkup, DatabaseServer, Journal, Snapshot, Tenant
from tenants.serving import publish
from tests.conftest import RunOf
from tests.moodle.fleet import Fleet, url
from tests.moodle.in_moodle import in_moodle
from tests.moodle.mnet import mnet_undone
from tests.moodle.site import Campus
from tests.moodle.visitor import watched
from tests.patience import PATIENCE
from tests.webserver import Server

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
PASSWORD = "Quite-long-1"


@pytest.fixture
def made(campus: Campus, newest_sites: Fleet) -> Iterator[list[Tenant]]:
    """Return a list of tenants to be dropped at the end, with all that is theirs."""
    tenants: list[Tenant] = []
    yield tenants
    for tenant in tenants:
        sql = f"DROP DATABASE IF EXISTS `{tenant.db_name}`"
        for server in DatabaseServer.objects.all():  # one may have moved
            tenant.server = server
            databases.drop_account(tenant)
            moodledb.execute(server, sql)


# Where Moodle keeps addresses, and how it writes them there.
BLOCK = b'O:8:"stdClass":1:{s:4:"text";s:24:"http://alpha.example.org";}'
PLANTED = {
    "config_plugins (plugin, name, value)": (
        *("vmoodle_test", "json"),
        r'{"a":["http:\/\/alpha.example.org\/pluginfile.php"]}',
    ),
    "user_preferences (userid, name, value)": (
        *(2, "vmoodle_test"),
        "/login?to=http%3A%2F%2Falpha.example.org%2Fmy",
    ),
    "course_sections (course, section, summary)": (
        *(1, 99),
        '<img src="http://alpha.example.org/pluginfile.php/1/a b.png">',
    ),
    "block_instances (blockname, parentcontextid, pagetypepattern, configdata)": (
        *("html", 1, "vmoodle-test"),
        base64.b64encode(BLOCK).decode(),
    ),
}
UPROOTED = """
    DELETE FROM {db}.mdl_config_plugins WHERE plugin = 'vmoodle_test';
    DELETE FROM {db}.mdl_user_preferences WHERE name = 'vmoodle_test';
    DELETE FROM {db}.mdl_course_sections WHERE section = 99;
    DELETE FROM {db}.mdl_block_instances WHERE pagetypepattern = 'vmoodle-test'
"""


@pytest.fixture
def planted(campus: Campus) -> Iterator[Tenant]:
    """Plant the main site's address in the ways that Moodle writes it."""
    alpha = campus[0]
    for columns, row in PLANTED.items():
        marks = ", ".join(["%s"] * len(row))
        sql = f"INSERT IGNORE INTO `{alpha.db_name}`.mdl_{columns} VALUES ({marks})"
        moodledb.execute(alpha.server, sql, row)
    yield alpha
    for sql in UPROOTED.format(db=f"`{alpha.db_name}`").split(";"):
        moodledb.execute(alpha.server, sql)


@pytest.fixture
def template(planted: Tenant, finished: RunOf) -> Snapshot:
    run = finished("lifecycle/Snapshot", [planted], "template=1")
    assert run.counts()["succeeded"] == 1, run.jobs.get().error
    return Snapshot.objects.get()


def make(
    finished: RunOf, made: list[Tenant], name: str, config=None, **given
) -> Tenant:
    """Return a tenant that was planned by the form, and made."""
    given = {"wwwroot": url(name), "name": f"{name} é", "shortname": name} | given
    form = NewTenantForm({"force_dns": "1", **given}, config=config)
    assert form.is_valid(), form.errors
    tenant = provision.reserve(form.save(commit=False), form.plan())
    made.append(tenant)
    run = finished("lifecycle/Create", [tenant])
    job = run.jobs.get()
    assert job.state == "succeeded", job.error + job.text()[0]
    return Tenant.objects.with_edges().get(pk=tenant.pk)


def dumped(tenant: Tenant) -> str:
    """Return the whole database of a site as text."""
    return subprocess.run(
        [
            "mariadb-dump",
            "--no-defaults",
            f"--socket={tenant.server.socket}",
            "--skip-extended-insert",
            tenant.db_name,
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def values(tenant: Tenant, sql: str) -> list:
    rows = moodledb.query(tenant.server, sql.format(db=f"`{tenant.db_name}`"))
    return [row[0] if len(row) == 1 else row for row in rows]


# As the columns of a list name them.
SETTINGS = {
    "": {"theme": "classic"},
    "mod_quiz": {"timelimit": "77"},
    "mod_lesson": {"maxanswers": "9"},
    "block_recentlyaccessedcourses": {"displaycategories": "0"},
    "format_topics": {"indentation": "0"},
    "report_log": {"anything": "x"},
    "auth_ldap": {"host_url": "ldaps://x"},
}
STORED = (
    "SELECT CONCAT(plugin, '/', name) FROM {db}.mdl_config_plugins"
    " WHERE value IN ('77', '9', 'x', 'ldaps://x') AND"
    " name IN ('timelimit', 'maxanswers', 'anything', 'host_url') ORDER BY 1"
)
# Base64 hides an address: all blocks that have any settings.
BLOCKS_SAY = (
    "SELECT CAST(FROM_BASE64(configdata) AS BINARY) FROM {db}.mdl_block_instances"
    " WHERE FROM_BASE64(configdata) LIKE '%%.example.org%%'"
)
TASKS = (
    "SELECT classname, minute, hour FROM {db}.mdl_task_scheduled WHERE customised = 0"
    " ORDER BY classname"
)
KEYS = (
    "SELECT value FROM {db}.mdl_config_plugins WHERE name IN"
    " ('kid', 'privatekey', 'lti_13_kid', 'lti_13_privatekey') ORDER BY plugin, name"
)


def test_a_tenant_is_made_from_a_template(
    campus: Campus, template: Snapshot, made, finished: RunOf, newest_sites: Fleet
):
    alpha, _beta = campus

    tenant = make(
        finished,
        made,
        "delta",
        config=SETTINGS,
        template=template.name,
        admin_email="ann@example.com",
        admin_password=PASSWORD,
    )

    assert (tenant.enabled, tenant.attention) == (True, "")
    assert not Journal.objects.exists()
    status, text = newest_sites.page("delta")
    assert status == 200
    assert "delta é" in text
    assert values(tenant, STORED) == [
        "auth_ldap/host_url",
        "mod_lesson/maxanswers",
        "quiz/timelimit",
        "report_log/anything",
    ]
    assert moodledb.config_of(tenant, ["theme"]) == {"theme": "classic"}
    differ = [
        (one, other)
        for one, other in zip(values(alpha, TASKS), values(tenant, TASKS), strict=True)
        if one != other
    ]
    assert len(differ) > 20
    keys, former = values(tenant, KEYS), values(alpha, KEYS)
    assert len(keys) == 4
    assert not set(keys) & set(former)
    text = dumped(tenant)
    assert [row for row in text.splitlines() if "alpha.example.org" in row] == []
    assert alpha.data_path not in text
    for written in (
        r"http:\\/\\/delta.example.org\\/pluginfile.php",
        "http%3A%2F%2Fdelta.example.org%2Fmy",
        "http://delta.example.org/pluginfile.php/1/a b.png",
    ):
        assert written in text
    assert values(tenant, BLOCKS_SAY) == [BLOCK.replace(b"alpha", b"delta")]
    [email] = values(tenant, "SELECT email FROM {db}.mdl_user WHERE username = 'admin'")
    assert email == "ann@example.com"
    assert moodledb.config_of(tenant, ["siteidentifier"])["siteidentifier"].endswith(
        "delta.example.org"
    )


ANN = (
    "INSERT INTO {db}.mdl_user (auth, confirmed, mnethostid, username, firstname,"
    " lastname, email, city, description) VALUES ('manual', 1, 1, 'lc_ann', 'Ann',"
    " 'Realname', 'ann@real.example', 'Lyon', 'I am Ann Realname')"
)
PEOPLE = (
    "SELECT username, firstname, email, city FROM {db}.mdl_user"
    " WHERE id > 2 AND deleted = 0 ORDER BY id"
)
STORE = """
    $record = ['contextid' => $system, 'component' => 'vmoodle_test',
        'filearea' => 'life', 'itemid' => 0, 'filepath' => '/', 'filename' => 'a.txt'];
    if ($old = $fs->get_file(...array_values($record))) {
        $old->delete();
    }
    if ($in) {
        $fs->create_file_from_string($record, $in);
    }
    set_config('lifetest', $in, 'vmoodle_test');
    // As cron does with what nobody uses any more.
    $fs->cron();
    fulldelete($CFG->dataroot . '/trashdir');
"""
READ = """
    $file = $fs->get_file($system, 'vmoodle_test', 'life', 0, '/', 'a.txt');
    $mail = email_to_user(get_admin(), get_admin(), 'subject', 'text');
    return [$file ? $file->get_content() : '', get_config('vmoodle_test', 'lifetest'),
        !empty($CFG->noemailever), $mail];
"""


@pytest.fixture
def ann(campus: Campus) -> Iterator[Tenant]:
    """Let somebody have an account on the second site; return the site."""
    beta = campus[1]
    moodledb.execute(beta.server, ANN.format(db=f"`{beta.db_name}`"))
    yield beta
    sql = f"DELETE FROM `{beta.db_name}`.mdl_user WHERE username = 'lc_ann'"
    moodledb.execute(beta.server, sql)


@pytest.fixture
def main(campus: Campus, finished: RunOf) -> Iterator[Tenant]:
    """Return the main tenant, with MNet."""
    alpha = campus[0]
    with mnet_undone(alpha, url("gamma")):
        done(finished, "mnet/StartMnet", alpha)
        yield alpha


def done(finished: RunOf, command: str, tenant: Tenant, attributes: str = ""):
    """Return the result of a command that must succeed; renew the tenant."""
    job = finished(command, [tenant], attributes).jobs.get()
    assert job.state == "succeeded", job.error + job.text()[0][-2000:]
    if Tenant.objects.filter(pk=tenant.pk).exists():
        tenant.refresh_from_db()
    return job.result


def test_a_tenant_lives_and_ends(
    ann: Tenant,
    main: Tenant,
    made,
    finished: RunOf,
    newest_sites: Fleet,
    settings,
    monkeypatch,
):
    port = newest_sites.served(newest_sites.tree("new"))
    settings.VMOODLE_WEB_ADDRESS = f"http://127.0.0.1:{port}"
    monkeypatch.setattr(web, "resolves", lambda host: True)
    monkeypatch.setattr(web, "SECONDS", PATIENCE)

    asked = {"anonymise": "1", "mail_off": "1", "check_login": "1"}
    gamma = make(finished, made, "gamma", source=ann.wwwroot, **asked)
    text = dumped(gamma)
    assert [row for row in text.splitlines() if "beta.example.org" in row] == []
    assert "Realname" not in text
    assert "real.example" not in text
    people = values(gamma, PEOPLE)
    assert people  # Ann, and whom other tests have left
    for username, first, email, city in people:
        assert (first, city) == ("User", "")
        assert username.startswith("user")
        assert email.endswith("@example.invalid")
    known = sites.read([main, gamma])
    for site, peer in ((main, gamma), (gamma, main)):
        services = known[site.pk].peers[peer.wwwroot].services
        assert services == {"sso_idp": (True, True), "sso_sp": (True, True)}

    in_moodle(gamma, STORE, "first")
    snapshot = done(finished, "lifecycle/Snapshot", gamma)["snapshot"]
    in_moodle(gamma, STORE, "")
    assert in_moodle(gamma, READ) == ["", "", True, True]
    done(finished, "lifecycle/Restore", gamma, f"snapshot={snapshot}")
    # Mail is off, which Moodle takes for sent.
    assert in_moodle(gamma, READ) == ["first", "first", True, True]
    tested = done(finished, "lifecycle/Restore", gamma, f"test=1&snapshot={snapshot}")
    assert tested == {"snapshot": snapshot, "verified": True}

    finished("lifecycle/Check", [gamma])
    found = {f["check"]: f for f in Checkup.objects.get(tenant=gamma).findings}
    told = found.pop("Moodle")["sentence"]
    assert "report/status/index.php" in told, told
    assert {f["state"] for f in found.values()} == {"ok"}, found

    done(finished, "lifecycle/Disable", gamma)
    assert newest_sites.page("gamma")[0] == 503
    done(finished, "lifecycle/Enable", gamma)
    assert newest_sites.page("gamma")[0] == 200

    names = ("db_name", "db_user", "db_password", "data_path")
    known = {name: getattr(gamma, name) for name in names}
    gamma.delete()
    gamma = make(finished, made, "gamma", origin="register", **known)
    assert newest_sites.page("gamma")[0] == 200

    done(finished, "lifecycle/Destroy", gamma, "now=1")
    assert not databases.exists(ann.server, gamma.db_name)
    assert not databases.has_account(ann.server, gamma.db_user)
    assert not Path(gamma.data_path).exists()
    assert not publish.boot_file(gamma.key).is_symlink()
    assert not publish.site_link(gamma.key).is_symlink()
    assert not Tenant.objects.filter(shortname="gamma").exists()
    assert Snapshot.objects.get(reason="final").wwwroot == gamma.wwwroot


def answers_as_renamed(fleet: Fleet) -> None:
    status, page = fleet.page("vm-is")
    assert status == 200
    assert "vm-was.example" not in page
    assert f"{url('vm-is')}/login/" in page


def test_a_site_is_renamed_and_moved(
    campus: Campus,
    template: Snapshot,
    made,
    finished: RunOf,
    newest_sites: Fleet,
    second_server,
    settings,
):
    tenant = make(finished, made, "vm-was", template=template.name)
    texts = f"UPDATE `{tenant.db_name}`.mdl_course_categories SET description = %s"
    moodledb.execute(tenant.server, texts, [f"{url('vm-was')}/course"])

    done(finished, "lifecycle/Rename", tenant, f"wwwroot={url('vm-is')}&redirect=1")
    answers_as_renamed(newest_sites)
    place = f"to_server=db2&data_path={settings.VMOODLE_DATA_ROOT}/is"
    with watched(newest_sites, "vm-is") as seen:
        result = done(finished, "lifecycle/Move", tenant, place)
    answers_as_renamed(newest_sites)

    assert {status for _asked, _came, status in seen} == {200, 503}
    down = [(asked, came) for asked, came, status in seen if status == 503]
    # It was decided on the first one before that came, on the last one when asked for.
    first, last = down[0][1], down[-1][0]
    assert last - first <= result["seconds_down"] + 0.1  # which is rounded
    assert tenant.server == second_server
    found = values(tenant, "SELECT description FROM {db}.mdl_course_categories")
    assert set(found) == {f"{url('vm-is')}/course"}
    server = Server(newest_sites.served(newest_sites.tree("new")))
    answer, _body = server.get("vm-was.example.org", "/course/view.php?id=1")
    place = f"{url('vm-is')}/course/view.php?id=1"
    assert (answer.status, answer.headers["location"]) == (301, place)
