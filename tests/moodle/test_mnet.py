"""Two real sites behind nginx and php-fpm: they prove their trust, and a user jumps."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from commands.models import Job
from mnet import rotation, sites, webphp
from mnet.client import Caller, Calls
from mnet.keys import Owner, make
from mnet.seal import seal, sign, unseal, verify
from mnet.webphp import pairs
from mnet.xmlrpc import Fault, answer, request
from tenants import moodledb, process
from tenants.models import Tenant
from tenants.serving import webconfig
from tests.boot import fpm
from tests.conftest import RunOf
from tests.moodle.fleet import free_port
from tests.moodle.in_moodle import in_moodle
from tests.moodle.mnet import mnet_undone
from tests.webserver import running

pytestmark = [pytest.mark.moodle, pytest.mark.slow]

USER, PASSWORD = "wanderer", "Wander-1234"
CREATE = """
    require_once "$CFG->dirroot/user/lib.php";
    return user_create_user(['username' => $in[0], 'password' => $in[1],
        'firstname' => 'Wanda', 'lastname' => 'Wanderer', 'city' => 'Oslo',
        'email' => 'wanda@example.org', 'confirmed' => 1,
        'mnethostid' => $CFG->mnet_localhost_id]);
"""
FORGET = """
    foreach ($DB->get_records('user', ['username' => $in]) as $user) {
        delete_user($user);
        $DB->delete_records('user', ['id' => $user->id]);
    }
    $DB->delete_records('mnet_session');
"""
Serve = Callable[[Path], AbstractContextManager[None]]


@pytest.fixture
def pair(campus: tuple[Tenant, Tenant]) -> Iterator[tuple[Tenant, Tenant]]:
    """Return two sites with addresses on this machine, that know nothing of MNet."""
    port = free_port()
    for tenant in campus:
        tenant.wwwroot = f"http://{tenant.shortname}.localhost:{port}"
        tenant.save()
    one, two = campus
    with mnet_undone(one, two.wwwroot), mnet_undone(two, one.wwwroot):
        yield campus
    for tenant in campus:
        in_moodle(tenant, FORGET, USER)
        tenant.delete()


@pytest.fixture
def serve(pair, tmp_path: Path) -> Serve:
    """Return what serves the sites by a PHP with these settings of OpenSSL."""
    port = int(pair[0].wwwroot.rpartition(":")[2])

    @contextmanager
    def serving(openssl: Path) -> Iterator[None]:
        home = tmp_path / openssl.stem
        home.mkdir()
        with fpm.running(home, openssl) as server:
            text = webconfig.text("nginx", pair, php_socket=server.path)
            with running("nginx", home, text, port):
                yield

    return serving


def job_of(finished: RunOf, name: str, tenant: Tenant) -> Job:
    return finished(name, [tenant]).jobs.get()


def test_two_sites_prove_their_trust_and_a_user_jumps_over(
    pair, serve: Serve, finished: RunOf, tmp_path: Path
):
    alpha, beta = pair
    (tmp_path / "without.cnf").touch()
    started = job_of(finished, "mnet/StartMnet", beta)
    assert started.result["web_opens_rc4"] == "unknown", started.error

    with serve(tmp_path / "without.cnf"):
        made = finished("mnet/InitMnetNode", pair)
        assert made.counts()["succeeded"] == 2, [job.error for job in made.jobs.all()]
        for job in made.jobs.all():
            assert job.result["web_opens_rc4"] == "no", job.text()[0]
            assert "Warning: the PHP that serves it has no RC4" in job.text()[0]
        job = job_of(finished, "mnet/CheckMnet", alpha)
    assert job.state == Job.State.FAILED
    assert f"{beta.wwwroot}: the PHP that serves it has no RC4" in job.error
    said = job.text()[0]
    assert "web PHP opens RC4: no\n" in said
    assert f"    Environment=OPENSSL_CONF={process.OPENSSL}\n" in said

    with serve(process.OPENSSL):
        job = job_of(finished, "mnet/CheckMnet", alpha)
        assert job.state == Job.State.SUCCEEDED, job.text()[0] + job.error
        assert job.result == {"trusts": [beta.wwwroot], "web_opens_rc4": "yes"}
        refuses_what_is_forged(alpha, beta)
        jumps_over(alpha, beta)
        a_former_key_in_caches_is_told_apart(alpha, beta)


def a_former_key_in_caches_is_told_apart(alpha: Tenant, beta: Tenant) -> None:
    """Check that a site which does not know its new key yet is not said to lack RC4."""
    rotation.renew(sites.read([beta], about=[])[beta.pk], [alpha])

    found = webphp.look(sites.read([beta], about=[])[beta.pk])

    assert (found.opens, found.reason[:25]) == ("yes", "it has a former key in it")


def refuses_what_is_forged(alpha: Tenant, beta: Tenant) -> None:
    """Check what a real site says to messages that are not as they must be."""
    me, certificate = pairs(alpha)[0], pairs(beta)[0].certificate
    stranger = make(Owner(alpha.wwwroot, "Stranger", ""))
    call = request("system/listServices")
    now = int(time.time())
    signed = sign(call, alpha.wwwroot, me.private_key, now)
    forged = sign(call, alpha.wwwroot, stranger.private_key, now)
    altered = sign(b"", alpha.wwwroot, me.private_key, now).replace(
        b'<object ID="XMLRPC-MSG"></object>',
        signed[signed.index(b"<object") : signed.index(b"</object>") + 9],
    )
    sealed = seal(signed, alpha.wwwroot, certificate)

    def said(envelope: bytes, opened: bool = True) -> object:
        text = Calls()._post(beta.wwwroot, envelope)
        if opened:
            message = unseal(text, me.private_key)
            text = verify(message, beta.wwwroot, certificate).payload
        try:
            return answer(text)
        except Fault as fault:
            return fault.code

    services = said(sealed)
    assert isinstance(services, list)
    assert {one["name"] for one in services} == {"sso_idp", "sso_sp"}
    assert said(seal(forged, alpha.wwwroot, certificate)) == 710
    assert said(seal(altered, alpha.wwwroot, certificate)) == 710
    assert said(seal(signed, "http://nobody.localhost", certificate), False) == 7020
    assert said(seal(signed, alpha.wwwroot, me.certificate), False) == 7023
    open_answer = Calls()._post(beta.wwwroot, signed)
    with pytest.raises(Fault, match="fault 7021"):
        answer(verify(open_answer, beta.wwwroot, certificate).payload)
    assert said(sealed) == services  # a site does not notice that it was sent before
    caller = Caller(alpha.wwwroot, me)
    with pytest.raises(Exception, match="its certificate is for http://alpha"):
        Calls().services(caller, beta.wwwroot, me.certificate)


def jumps_over(alpha: Tenant, beta: Tenant) -> None:
    """Let a user log in on the first site, and see who he is on the second."""
    in_moodle(alpha, CREATE, [USER, PASSWORD])
    host = sites.read([alpha])[alpha.pk].peers[beta.wwwroot].id

    seen = subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name("jump.py"))),
            *(alpha.wwwroot, USER, PASSWORD, str(host), "/user/profile.php"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert seen.returncode == 0, seen.stderr

    found = json.loads(seen.stdout)
    assert found["url"].startswith(f"{beta.wwwroot}/user/profile.php"), found
    assert "Wanda Wanderer" in found["text"]
    users, hosts = (moodledb.table(beta, name) for name in ("user", "mnet_host"))
    rows = moodledb.query(
        beta.server,
        f"SELECT u.auth, u.email, h.wwwroot FROM {users} u JOIN {hosts} h"
        f" ON h.id = u.mnethostid WHERE u.username = '{USER}'",
    )
    assert list(rows) == [("mnet", "wanda@example.org", alpha.wwwroot)]
