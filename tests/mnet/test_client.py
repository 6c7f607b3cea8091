"""The client calls peers, and refuses what hostile ones answer in one sentence."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from mnet import keys
from mnet.client import NEWER_KEY, Caller, Calls
from mnet.errors import MnetError
from mnet.keys import Owner, make
from mnet.seal import unseal
from mnet.xmlrpc import Fault
from tests.mnet.peer import SERVICES, Site, fault, honest, serving, value
from tests.mnet.test_xmlrpc import BOMB, FILE


@pytest.fixture(scope="module")
def peer() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def site(peer: Site) -> Site:
    peer.answers, peer.acts, peer.calls = honest, None, 0
    return peer


@pytest.fixture
def calls() -> Calls:
    return Calls(deadline=60, largest=64 * 1024)


def ask(site: Site, calls: Calls) -> object:
    return calls.services(site.caller, site.wwwroot, site.pair.certificate)


def refused(site: Site, calls: Calls) -> str:
    """Return the sentence that a call is refused with."""
    with pytest.raises(MnetError) as caught:
        ask(site, calls)
    said = str(caught.value)
    assert said.startswith(f"{site.wwwroot}: ")
    assert said.count(site.wwwroot) == 1
    assert len(said) < 700
    assert "\n" not in said
    return said


def test_a_peer_tells_its_services_and_its_certificate(site: Site, calls: Calls):
    assert ask(site, calls) == {"sso_idp": (True, False)}
    assert ask(site, calls) == {"sso_idp": (True, False)}
    assert calls.keyswap(site.caller, site.wwwroot) == site.pair.certificate


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (lambda site, body: SERVICES, "is not encrypted"),
        (lambda site, body: BOMB, "entities"),
        (lambda site, body: FILE, "entities"),
        (lambda site, body: "<html>Error</html", "not well-formed XML"),
        (lambda site, body: b"", "not well-formed XML"),
        (lambda site, body: site.sealed(BOMB.decode()), "entities"),
        (lambda site, body: site.sealed("<a/>"), "no answer of XML-RPC"),
        (lambda site, body: site.sealed(value("x")), "does not list its services"),
        (lambda site, body: "x" * 70_000, "larger than 64 KiB"),
        (lambda site, body: body, "sealed for another key than https://caller"),
        (
            lambda site, body: site.sealed(SERVICES, by=site.caller.pair),
            "altered on its way, or signed with another key",
        ),
        (lambda site, body: site.sealed(SERVICES, ago=60), "seconds in the past: it"),
        (lambda site, body: site.sealed(SERVICES, ago=-60), "seconds in the future"),
        (lambda site, body: fault(7020, "?"), "it does not know https://caller"),
        (lambda site, body: fault(7023, "?"), "its PHP has no RC4"),
        (lambda site, body: site.sealed(fault(99, "no")), "answers with fault 99: no"),
        (lambda site, body: fault(99, "a\n" * 20_000), "answers with fault 99: a a a"),
    ],
    ids=[
        *("plain", "bomb", "file", "html", "empty", "inner", "kind", "type", "large"),
        *("echo", "key", "old", "early", "unknown", "rc4", "fault", "long"),
    ],
)
def test_a_hostile_answer_is_refused(answers, says: str, site: Site, calls: Calls):
    site.answers = answers
    assert says in refused(site, calls)


REFUSES = fault(711, "not signed")


@pytest.mark.parametrize(
    ("answer", "opens"),
    [
        (lambda site: site.sealed_alone(REFUSES), True),
        (lambda site: fault(7023, "?"), False),
        (lambda site: fault(7020, "?"), "it does not know http://peer"),
        (lambda site: value("x"), "its answer is not encrypted"),
        (lambda site: site.sealed_alone("<a/>"), "sealed for another key, or altered"),
    ],
    ids=["opens", "no rc4", "unknown", "plain", "other"],
)
def test_a_site_tells_whether_it_opens_what_is_sealed(answer, opens, site, calls):
    def refuse(peer: Site, body: bytes) -> bytes | str:
        assert b"system/listServices" in unseal(
            body, peer.pair.private_key, b"<methodCall>"
        )
        return answer(peer)

    site.answers = refuse
    owner = Caller(site.wwwroot, site.pair)

    if isinstance(opens, str):
        with pytest.raises(MnetError, match=opens):
            calls.opens(owner, site.pair.certificate)
    else:
        assert calls.opens(owner, site.pair.certificate) is opens


def test_an_answer_that_came_before_is_refused(site: Site, calls: Calls):
    kept = site.sealed(SERVICES)
    site.answers = lambda site, body: kept
    ask(site, calls)

    assert "given before: it is replayed" in refused(site, calls)


def test_a_newer_key_is_told_with_its_certificate(site: Site, calls: Calls):
    site.answers = lambda site, body: site.sealed(fault(NEWER_KEY, "PEM"))

    with pytest.raises(Fault, match="has a newer key") as caught:
        ask(site, calls)

    assert (caught.value.code, caught.value.text) == (NEWER_KEY, "PEM")


def test_a_redirect_is_not_followed(site: Site, calls: Calls):
    def redirect(handler) -> None:
        handler.send_response(301)
        handler.send_header("Location", f"{site.wwwroot}/elsewhere")
        handler.end_headers()

    site.acts = redirect

    with pytest.raises(MnetError, match="redirects to .*elsewhere, which is not foll"):
        ask(site, calls)
    assert site.calls == 1


@pytest.mark.parametrize(("status", "says"), [(404, "MNet is off"), (500, "HTTP 500")])
def test_an_error_page_is_told(status: int, says: str, site: Site, calls: Calls):
    site.acts = lambda handler: handler.send_error(status)
    assert says in refused(site, calls)


@pytest.mark.parametrize(
    "part", [b"HTTP/1.0 200 OK\r\nX: ", b"HTTP/1.0 200 OK\r\n\r\n"]
)
def test_a_slow_peer_is_cut_off(part: bytes, site: Site):
    def drip(handler) -> None:
        with suppress(OSError):
            handler.wfile.write(b"HTTP/1.0 200 OK\r\n" + part)
            for _time in range(3000):
                handler.wfile.write(b"x")
                time.sleep(0.02)

    site.acts = drip
    begun = time.monotonic()

    assert "did not answer within 0.3 seconds" in refused(site, Calls(deadline=0.3))
    assert time.monotonic() - begun < 30


def test_one_that_does_not_shake_hands_is_cut_off(site: Site):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"https://mute.localhost:{silent.getsockname()[1]}"

        with pytest.raises(MnetError, match=r"did not answer within 0\.3 seconds"):
            Calls(deadline=0.3).keyswap(site.caller, mute)


def test_who_is_not_there_is_told(site: Site, calls: Calls):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gone = f"http://gone.localhost:{port}"
    pair = make(Owner(gone, "Gone", ""))

    with pytest.raises(MnetError, match=f"{gone}: it cannot be reached: Connection re"):
        calls.services(site.caller, gone, pair.certificate)


def test_a_certificate_of_another_site_is_not_used(site: Site, calls: Calls):
    certificate = site.caller.pair.certificate

    with pytest.raises(MnetError, match=r"for https://caller\.example\.org: renew"):
        calls.services(site.caller, site.wwwroot, certificate)
    assert site.calls == 0

    site.answers = lambda site, body: value(certificate)
    with pytest.raises(MnetError, match=r"for https://caller\.example\.org: renew"):
        calls.keyswap(site.caller, site.wwwroot)


def test_an_expired_certificate_is_not_used(site: Site, calls: Calls, monkeypatch):
    end = site.pair.expires
    monkeypatch.setattr(keys.time, "time", lambda: end + 1.0)

    assert "its certificate has expired" in refused(site, calls)
    assert site.calls == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "it has no key"), ("x", "certificate cannot be read")],
)
def test_a_keyswap_without_a_key_is_refused(text, says, site: Site, calls: Calls):
    site.answers = lambda site, body: value(text)

    with pytest.raises(MnetError, match=says):
        calls.keyswap(site.caller, site.wwwroot)
