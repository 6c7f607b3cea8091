"""Is a tenant as it should be? Each check gives one sentence, with what to do.

Nothing is changed. All but `moodle` start no PHP.
"""

import json
import os
import re
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from tenants import files, moodledb, php, session, web
from tenants.models import Checkup, Tenant
from tenants.serving import publish
from tenants.serving.adopt import is_adopted
from tenants.validators import overlapping

OK, WARNING, FAILED = Checkup.State.OK, Checkup.State.WARNING, Checkup.State.FAILED
LOGIN = "/login/index.php"
SCRIPT = "admin/cli/checks.php"
CLOSED = 503
NAMED = 4  # of Moodle's own checks in a sentence
PATIENCE = 120.0  # seconds for Moodle's own checks
# Moodle tells its pages' scripts so who they belong to.
ROOT = re.compile(r'"wwwroot":("(?:[^"\\]|\\.)*")')
VERDICT = re.compile(r"(OK|WARNING|CRITICAL|UNKNOWN): ")
# As they are stored; pages tell them in the reader's language.
NAMES = [
    *(gettext_noop("database"), gettext_noop("tables"), gettext_noop("data path")),
    *(gettext_noop("host"), gettext_noop("published"), gettext_noop("login page")),
]
NOT_WELL = re.compile(r"\s*[^|]+\|\s(\S.*\(\w+\))\s*")


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    state: str
    sentence: str

    def __str__(self) -> str:
        words = {"check": _(self.check), "sentence": self.sentence}
        return _("%(check)s: %(sentence)s") % words


def database(tenant: Tenant) -> Finding:
    """Whether the tenant's own account reaches its tables."""
    name = "database"
    words = {"user": tenant.db_user, "server": tenant.server, "name": tenant.db_name}
    sql = f"SELECT 1 FROM {moodledb.table(tenant, 'config')}"  # noqa: S608
    try:
        connection = moodledb.log_in(tenant, read_timeout=10)
        with closing(connection), moodledb.told_of(tenant.server):
            session.answer(connection, sql, [], rows=1, size=100)
    except moodledb.MoodleDbError as error:
        said = _(
            "%(user)s on %(server)s does not reach %(name)s: %(why)s; correct the"
            " account, its password or its rights"
        )
        return Finding(name, FAILED, said % {**words, "why": error})
    return Finding(name, OK, _("%(user)s on %(server)s reaches %(name)s") % words)


def tables(tenant: Tenant) -> Finding:
    """Whether there is a Moodle, and one that fits the release."""
    name, release = "tables", tenant.release
    try:
        site = moodledb.config_of(tenant, ["version", "allversionshash"])
    except moodledb.MoodleDbError as error:
        said = _(
            "Moodle's tables are not there: %(why)s; restore a snapshot, or correct the"
            " database's name and prefix"
        )
        return Finding(name, FAILED, said % {"why": error})
    version, code = site.get("version", ""), release.version
    if not version:
        said = _("Moodle is not installed in it: its config has no version")
        return Finding(name, FAILED, said)
    words = {"version": version, "release": release, "code": code}
    if float(version) > float(code):
        said = _(
            "the site is of %(version)s, newer than the code of release %(release)s"
            " (%(code)s): pin it to a release that fits"
        )
        return Finding(name, FAILED, said % words)
    wanted = release.versions_hash
    if wanted and site.get("allversionshash") != wanted:
        said = _(
            "an upgrade to %(release)s is pending: run manage.py upgrade"
            " --host=%(root)s"
        )
        return Finding(name, WARNING, said % {**words, "root": tenant.wwwroot})
    said = _("version %(version)s, that of release %(release)s")
    return Finding(name, OK, said % words)


def data(tenant: Tenant) -> Finding:
    """Whether the data directory is there, writable and the tenant's alone."""
    name, path = "data path", tenant.data_path
    if sharer := _shared_with(tenant):
        said = _("%(path)s is shared with %(tenant)s: give each one its own")
        return Finding(name, FAILED, said % {"path": path, "tenant": sharer})
    lacking = {
        "-d": _("%(path)s is not there: make it, for the web server's user"),
        "-w": _("%(path)s may not be written: give it to the web server's user"),
    }
    for test, said in lacking.items():
        try:
            files.as_owner(["test", test, path])
        except files.FilesError:
            return Finding(name, FAILED, said % {"path": path})
    return Finding(name, OK, _("%(path)s is there and can be written") % {"path": path})


def _shared_with(tenant: Tenant) -> Tenant | None:
    """Return another tenant whose data are the same, be it by a link."""
    others = Tenant.objects.exclude(pk=tenant.pk)
    for part in ("", "filedir"):
        path = os.path.realpath(Path(tenant.data_path, part))
        if taken := others.filter(overlapping("data_path", path)).first():
            return taken
    return None


def host(tenant: Tenant) -> Finding:
    """Whether the site's host name leads anywhere."""
    known = urlsplit(tenant.wwwroot).hostname or ""
    if web.resolves(known):
        return Finding("host", OK, f"{known} resolves")
    return Finding("host", FAILED, f"{known} does not resolve: enter it in the DNS")


def published(tenant: Tenant) -> Finding:
    """Whether web server and PHP are told of the tenant as it is now."""
    name, release = "published", tenant.release
    try:
        wrong = publish.differences(tenant)
    except publish.PublishError as error:
        return Finding(name, FAILED, str(error))
    if wrong:
        listed = "; ".join(wrong)
        return Finding(name, FAILED, f"{listed}: run manage.py generateconfigs")
    if not is_adopted(release):
        hint = f"run manage.py adopt_release {release}"
        return Finding(name, FAILED, f"{release} does not serve tenants: {hint}")
    return Finding(name, OK, "the boot file and the site link are current")


def login_page(tenant: Tenant) -> Finding:
    """Whether the site answers visitors, and believes to be this tenant."""
    name = "login page"
    try:
        page = web.get(tenant, LOGIN)
        closed = files.in_maintenance(tenant)
    except (web.WebError, files.FilesError) as error:
        hint = "start or configure the web server, or set VMOODLE_WEB_ADDRESS"
        return Finding(name, FAILED, f"{error}: {hint}")
    if page.status == CLOSED and not tenant.enabled:
        return Finding(name, OK, "the tenant is disabled and answers 503")
    if page.status == CLOSED and closed:
        hint = f"run manage.py maintenance --host={tenant.wwwroot} --disable"
        return Finding(name, WARNING, f"it answers 503, in maintenance: {hint}")
    if page.location:
        return Finding(name, WARNING, f"it leads to {_where(tenant, page)}")
    if page.status != 200:
        hint = "read the web server's and PHP's logs"
        return Finding(name, FAILED, f"it answers {page.status} and not 200: {hint}")
    if tenant.wwwroot not in _roots(page.text):
        shown = ", ".join(_roots(page.text)) or "no Moodle"
        hint = "let the web server take its code tree from VMOODLE_SITES_DIR"
        return Finding(name, FAILED, f"another site answers ({shown}): {hint}")
    return Finding(name, OK, f"{tenant.wwwroot}{LOGIN} answers 200")


def _where(tenant: Tenant, page: web.Page) -> str:
    """Tell where a page leads, and what that may mean."""
    to, root = page.location[:200], tenant.wwwroot
    asked = settings.VMOODLE_WEB_ADDRESS or root
    if to.rstrip("/") == root and not asked.startswith(root.partition(":")[0] + ":"):
        return (
            f"{to}, not believing that it is asked by https: add this machine's "
            "address to VMOODLE_TRUSTED_PROXIES and run manage.py generateconfigs"
        )
    if to == root or to.startswith(f"{root}/"):
        return f"{to}: look whether that is meant"
    return f"{to}, which is not {root}: look whether that is meant"


def _roots(text: str) -> set[str]:
    """Return which wwwroots a page says that it belongs to.

    >>> _roots('M.cfg = {"wwwroot":"https:\\\\/\\\\/a.org"};')
    {'https://a.org'}
    """
    found = {json.loads(quoted) for quoted in ROOT.findall(text)}
    return found or set(re.findall(rf'action="([^"]+){LOGIN}"', text))


def moodle(
    tenant: Tenant, job: int | None = None
) -> Generator[str | None, None, Finding]:
    """Ask Moodle's own checks, whose table is yielded."""
    name = "Moodle"
    try:
        php.script_path(tenant.release.path, SCRIPT)
    except php.PhpError as error:
        return Finding(name, WARNING, str(error))
    said: list[str] = []
    try:
        steps = php.run(tenant, SCRIPT, job=job, accept=(0, 1, 2, 3), timeout=PATIENCE)
        with closing(steps):
            for line in steps:
                said += [line] if line else []
                yield line
    except php.PhpError as error:
        return Finding(name, FAILED, f"its own checks do not run: {error}")
    return _verdict(tenant, said)


def _verdict(tenant: Tenant, said: list[str]) -> Finding:
    verdict = next(filter(None, map(VERDICT.match, said)), None)
    if verdict is None:
        text = " ".join(said)[-300:]
        return Finding("Moodle", FAILED, f"its own checks have no result: {text}")
    if verdict[1] == "OK":
        return Finding("Moodle", OK, "its own checks find nothing")
    named = [found[1] for found in map(NOT_WELL.fullmatch, said) if found]
    listed = ", ".join(named[:NAMED]) + (", ..." if len(named) > NAMED else "")
    hint = f"{tenant.wwwroot}/report/status/index.php tells what to do"
    state = FAILED if verdict[1] == "CRITICAL" else WARNING
    return Finding("Moodle", state, f"{listed or verdict.string}: {hint}")


QUICK: tuple[Callable[[Tenant], Finding], ...] = (
    database,
    tables,
    data,
    host,
    published,
    login_page,
)


def record(tenant: Tenant, findings: list[Finding]) -> Checkup:
    """Keep what was found; return it."""
    states = {finding.state for finding in findings}
    worst = next(state for state in (FAILED, WARNING, OK) if state in states)
    made, _new = Checkup.objects.update_or_create(
        tenant=tenant,
        defaults={
            "at": timezone.now(),
            "state": worst,
            "findings": [asdict(finding) for finding in findings],
        },
    )
    return made
