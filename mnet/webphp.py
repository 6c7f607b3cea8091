"""Whether the PHP that serves a site has RC4: the site itself is asked, by HTTP.

It gets a message in its own name, sealed for its own key and not signed. A PHP with RC4
opens it and refuses it as unsigned, in a sealed answer; one without answers fault 7023.
No peer has to know the site for it, nothing is stored there, and who does not have the
site's private key learns nothing.
"""

from collections.abc import Callable
from contextlib import suppress

from django.utils import timezone

from mnet import keys
from mnet.client import Caller, Calls
from mnet.errors import MnetError
from mnet.models import WebPhp
from mnet.sites import Site, plain
from tenants import moodledb
from tenants.models import Tenant
from tenants.moodledb import MoodleDbError

SECONDS = 10.0  # for one call
NO_RC4 = (
    "the PHP that serves it has no RC4, so it opens no message of MNet (docs/mnet.md "
    "tells what mends that)"
)
Opens = WebPhp.Opens
Told = Callable[[Caller, str], str]


def look(site: Site, calls: Calls | None = None, told: Told | None = None) -> WebPhp:
    """Ask a site, keep what was found, and return it.

    `told` returns the certificate that a site tells of itself.
    """
    calls = calls or Calls(deadline=SECONDS)
    try:
        opens, reason = _ask(site, calls, told or calls.keyswap)
    except (MnetError, MoodleDbError) as error:
        opens, reason = Opens.UNKNOWN, str(error)
    found, _new = WebPhp.objects.update_or_create(
        tenant_id=site.tenant.pk,
        defaults={"opens": opens, "reason": reason, "at": timezone.now()},
    )
    return found


def _ask(site: Site, calls: Calls, told: Told) -> tuple[Opens, str]:
    root = site.tenant.wwwroot
    if site.trouble:
        return Opens.UNKNOWN, site.trouble
    if not site.tenant.enabled:
        return Opens.UNKNOWN, "it is disabled, so it answers nobody"
    own, *former = pairs(site.tenant)
    owner = Caller(root, own)
    check_told(told(owner, root), own.certificate, root)
    if calls.opens(owner, own.certificate):
        return Opens.YES, ""
    # A site whose caches are behind opens what is sealed for its former key.
    if any(calls.opens(owner, pair.certificate) for pair in former):
        return Opens.YES, "it has a former key in its caches: run purge_caches on it"
    return Opens.NO, ""


def check_told(told: str, stored: str, wwwroot: str) -> None:
    """Raise MnetError when a site tells another certificate than it has stored."""
    if plain(told) != plain(stored):
        raise MnetError(
            f"{wwwroot}: what is served there tells another certificate than the site's"
            " database has: that address leads to another site"
        )


def pairs(tenant: Tenant) -> list[keys.Pair]:
    """Return the key pair that a site has, and the one before, if there was any.

    Raises MnetError when it has none.
    """
    stored = moodledb.plugin_settings(tenant, ["mnet"]).get("mnet", {})
    try:
        found = [keys.parse(stored.get("openssl", ""))]
    except MnetError as error:
        raise MnetError(f"{tenant.wwwroot}: {error}") from error
    with suppress(MnetError):
        history = keys.former(stored.get("openssl_history", ""))
        found += [old.pair for old in history[:1]]
    return found
