"""Two real Moodles below one host, behind nginx and php-fpm; and links in the tree."""

import re
import subprocess
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tenants import files
from tenants.models import Tenant
from tenants.serving import publish, webconfig
from tests.boot import fpm
from tests.moodle.fleet import Fleet, answers, free_port
from tests.moodle.in_moodle import in_moodle
from tests.moodle.site import Campus
from tests.patience import PATIENCE, eventually
from tests.webserver import Server, running

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
HOST = "schools.example.org"
# A course, a file that anybody may see, and a password.
FILL = """
    $admin = get_admin();
    update_internal_user_password($admin, 'Quite-long-1');
    unset_user_preference('auth_forcepasswordchange', $admin);
    require_once("$CFG->dirroot/course/lib.php");
    $course = create_course((object) [
        'fullname' => "Course of $in", 'shortname' => "VM-SUB-$in", 'category' => 1]);
    $fs->create_file_from_string(['contextid' => $system, 'component' => 'core_admin',
        'filearea' => 'logo', 'itemid' => 0, 'filepath' => '/', 'filename' => 'vm.png'],
        base64_decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk'
            . 'YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='));
    set_config('logo', '/vm.png', 'core_admin');
    return $course->id;
"""
CLEAR = """
    require_once("$CFG->dirroot/course/lib.php");
    delete_course($DB->get_record('course', ['shortname' => "VM-SUB-$in"]), false);
    $fs->delete_area_files($system, 'core_admin', 'logo');
    unset_config('logo', 'core_admin');
"""


@pytest.fixture
def below(campus: Campus, settings) -> Iterator[tuple[Campus, int]]:
    """Move the two sites below one host, and back."""
    settings.VMOODLE_USE_SUBPATH = True
    port, former = free_port(), [tenant.wwwroot for tenant in campus]
    for tenant in campus:
        tenant.move(f"http://{HOST}:{port}/{tenant.shortname}")
        files.clear_caches(tenant)  # style sheets hold the address
    courses = [in_moodle(tenant, FILL, tenant.shortname) for tenant in campus]
    for tenant, course in zip(campus, courses, strict=True):
        tenant.metadata = {"course": course}
    yield campus, port
    for tenant, wwwroot in zip(campus, former, strict=True):
        in_moodle(tenant, CLEAR, tenant.shortname)
        tenant.move(wwwroot)
        files.clear_caches(tenant)


class Visitor:
    """A browser with cookies, as far as a login needs one."""

    def __init__(self, server: Server, tenant: Tenant) -> None:
        self.server, self.tenant = server, tenant
        self.below = urlsplit(tenant.wwwroot).path
        self.cookies: SimpleCookie = SimpleCookie()

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Return status and text, having followed where it led."""
        sent = "; ".join(f"{name}={c.value}" for name, c in self.cookies.items())
        headers = {"Cookie": sent} if sent else {}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer, body = self.server.ask(
            "POST" if form else "GET",
            HOST,
            path,
            urlencode(form) if form else None,
            headers,
        )
        for cookie in answer.headers.get_all("set-cookie") or []:
            self.cookies.load(cookie)
        if place := answer.headers["location"]:
            assert urlsplit(place).path.startswith(f"{self.below}/"), place
            return self.ask(urlsplit(place)._replace(scheme="", netloc="").geturl())
        return answer.status, body.decode(errors="replace")

    def login(self) -> str:
        login = f"{self.below}/login/index.php"
        status, page = self.ask(login)
        assert status == 200, page[:500]
        token = re.search(r'name="logintoken" value="(\w+)"', page)
        form = {"username": "admin", "password": "Quite-long-1"}
        assert token
        _status, page = self.ask(login, form | {"logintoken": token[1]})
        return page


def test_each_part_of_a_page_is_the_right_tenants(
    below: tuple[Campus, int], tmp_path: Path
):
    tenants, port = below
    (tmp_path / "fpm").mkdir()
    with fpm.running(tmp_path / "fpm") as php:
        text = webconfig.text("nginx", tenants, php_socket=php.path)
        with running("nginx", tmp_path, text, port) as server:
            for tenant in tenants:
                look_around(Visitor(server, tenant))


def look_around(visitor: Visitor) -> None:
    """Look at all kinds of what a site serves; every address is below its own."""
    tenant, name = visitor.tenant, visitor.tenant.shortname
    assert "logout.php" in visitor.login()
    course = f"{visitor.below}/course/view.php?id={tenant.metadata['course']}"
    status, page = visitor.ask(course)
    assert (status, f"Course of {name}" in page) == (200, True)
    roots = set(re.findall(rf"http://{HOST}:\d+/\w+", page))
    assert roots == {tenant.wwwroot}
    css = found(page, rf"{tenant.wwwroot}/theme/styles.php/boost/[^\"]+")
    js = found(page, rf"{tenant.wwwroot}/lib/javascript.php/[^\"]+")
    logo = f"{visitor.below}/pluginfile.php/1/core_admin/logo/0x200/1/vm.png"
    # Moodle sends a former style sheet, if it has one, as long as it makes the new one.
    eventually(lambda: f"{visitor.below}/theme/" in visitor.ask(css)[1])
    for path, holds in (
        (css, f"{visitor.below}/theme/"),
        (js, "function"),
        (logo, "PNG"),
    ):
        status, text = visitor.ask(path)
        assert (status, holds in text) == (200, True), (path, text[:300])
    assert visitor.ask(visitor.below)[0] == 200  # led on to its slash
    assert visitor.ask(f"{visitor.below}/pix/book.svg")[0] == 200
    assert f"MoodleSession{name}" in visitor.cookies
    assert visitor.cookies[f"MoodleSession{name}"]["path"] == f"{visitor.below}/"


def found(page: str, pattern: str) -> str:
    match = re.search(pattern, page)
    assert match, pattern
    return urlsplit(match[0]).path


def test_links_in_the_tree_do_as_well(
    below: tuple[Campus, int], settings, newest_sites: Fleet
):
    """The web server's document root is the code tree, as with the PHP system."""
    settings.VMOODLE_SUBPATH_LINKS = True
    tenants, port = below
    for tenant in tenants:
        publish.publish(tenant)
    server = subprocess.Popen(
        ["php", "-S", f"127.0.0.1:{port}", "-t", str(newest_sites.tree("new"))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: answers(port), "PHP's web server did not start")
        for tenant in tenants:
            visitor = Visitor(Server(port), tenant)
            assert f"{tenant.wwwroot}/my/" in visitor.login()
            assert visitor.ask(visitor.below)[0] == 200
            path = f"{visitor.below}/theme/styles.php/boost/1/all"
            assert f"{visitor.below}/theme/" in visitor.ask(path)[1]
        deeper, _body = Server(port).get(HOST, "/alpha/beta/login/index.php")
        assert deeper.status == 404
    finally:
        server.terminate()
        server.wait(PATIENCE)
