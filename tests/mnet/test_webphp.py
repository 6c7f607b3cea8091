"""What is made of a site's answers; a real php-fpm gives them in tests/moodle."""

import pytest

from mnet import keys, sites, webphp
from mnet.client import Calls
from mnet.errors import MnetError
from mnet.models import WebPhp
from tenants.models import Tenant
from tests.mnet import tables


@pytest.fixture
def one(network, monkeypatch) -> Tenant:
    """Return a tenant whose site tells the certificate that it has stored."""
    [tenant] = network(1)
    told = tables.pair(tenant.wwwroot).certificate
    monkeypatch.setattr(Calls, "keyswap", lambda *_asked: told)
    return tenant


def look(tenant: Tenant) -> tuple[str, str]:
    found = webphp.look(sites.read([tenant], about=[])[tenant.pk])
    assert WebPhp.objects.get() == found
    return found.opens, found.reason


def opens(monkeypatch, answer) -> None:
    monkeypatch.setattr(Calls, "opens", lambda calls, owner, cert: answer(cert))


def test_a_site_opens_what_is_sealed_for_it_or_not(one, monkeypatch):
    opens(monkeypatch, lambda certificate: True)
    assert look(one) == ("yes", "")

    opens(monkeypatch, lambda certificate: False)
    assert look(one) == ("no", "")


def test_a_former_key_in_caches_is_no_lack_of_rc4(one, monkeypatch):
    former = keys.make(keys.Owner(one.wwwroot, "One", ""))
    put = "{config_plugins} (plugin, name, value) VALUES ('mnet', %s, %s)"
    tables.put(one, put, ["openssl_history", keys.archived("", former)])
    opens(monkeypatch, lambda certificate: certificate == former.certificate)

    assert look(one) == (
        "yes",
        "it has a former key in its caches: run purge_caches on it",
    )


def test_why_it_is_not_known_is_told(one, monkeypatch):
    def away(certificate):
        raise MnetError(f"{one.wwwroot}: it cannot be reached")

    opens(monkeypatch, away)
    assert look(one) == ("unknown", f"{one.wwwroot}: it cannot be reached")

    monkeypatch.setattr(Calls, "keyswap", lambda *_asked: "another")
    found, reason = look(one)
    assert (found, "that address leads to another site" in reason) == ("unknown", True)

    one.enabled = False
    assert look(one) == ("unknown", "it is disabled, so it answers nobody")

    tables.spoil(one, "UPDATE {config} SET value = 'off' WHERE value = 'strict'")
    assert look(one) == ("unknown", "MNet is off on the site")
