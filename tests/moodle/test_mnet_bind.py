"""Two real sites, bound to each other: what Moodle itself then reads of them."""

from collections.abc import Iterator
from typing import Any

import pytest

from commands.models import Job
from mnet import keys
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.in_moodle import in_moodle
from tests.moodle.mnet import mnet_undone

pytestmark = [pytest.mark.moodle, pytest.mark.slow]

READ = """
    require_once "$CFG->dirroot/mnet/lib.php";
    require_once "$CFG->dirroot/mnet/peer.php";
    $me = get_mnet_environment();
    $me->get_keypair();
    openssl_sign('text', $signature, $me->get_private_key());
    $peer = new mnet_peer();
    $known = $peer->set_wwwroot($in);
    $auth = get_auth_plugin('mnet');
    $role = $DB->get_field('role', 'id', ['shortname' => 'user']);
    $may = role_context_capabilities($role, context_system::instance());
    $history = unserialize(get_config('mnet', 'openssl_history') ?: 'a:0:{}');
    $fits = openssl_x509_check_private_key(...);
    return [
        'mode' => $CFG->mnet_dispatcher_mode,
        'login' => is_enabled_auth('mnet'),
        'own' => $me->public_key,
        'signs' => openssl_verify('text', $signature, $me->public_key) === 1,
        'known' => $known && !$peer->deleted,
        'peer' => $known ? $peer->public_key : '',
        'named' => $known ? (int) $peer->check_common_name($peer->public_key) : 0,
        'name' => $known ? $peer->name : '',
        'takes' => $known ? array_map(
            static fn($name): int => count($auth->has_service($peer->id, $name)),
            ['sso_idp', 'sso_sp'],
        ) : [],
        'goes' => (int) ($may['moodle/site:mnetlogintoremote'] ?? 0),
        'former' => array_map(static fn(array $old): bool => $fits(
            $old['certificate'],
            $old['keypair_PEM'],
        ), $history),
    ];
"""


@pytest.fixture
def pair(campus: tuple[Tenant, Tenant]) -> Iterator[tuple[Tenant, Tenant]]:
    """Return two sites that have not known each other, nor MNet, so far."""
    one, two = campus
    with mnet_undone(one, two.wwwroot), mnet_undone(two, one.wwwroot):
        yield campus


def seen(pair: tuple[Tenant, Tenant]) -> list[dict[str, Any]]:
    """Return what each site's Moodle says of itself and of the other one."""
    one, two = pair
    return [in_moodle(one, READ, two.wwwroot), in_moodle(two, READ, one.wwwroot)]


def test_two_sites_are_bound_and_stay_so_with_new_keys(pair, finished: RunOf):
    started = finished("mnet/StartMnet", [pair[1]])
    made = finished("mnet/InitMnetNode", pair)

    assert started.counts()["succeeded"] == 1, started.jobs.get().error
    errors = [job.error for job in made.jobs.all()]
    assert made.counts()["succeeded"] == 2, errors
    alpha, beta = seen(pair)
    for site, other in ((alpha, beta), (beta, alpha)):
        assert site["mode"] == "strict"
        assert (site["login"], site["signs"], site["known"]) == (True, True, True)
        assert site["peer"] == other["own"]
        assert site["named"] == keys.expires(other["own"])
        assert site["takes"] == [1, 1]
        assert (site["goes"], site["former"]) == (1, [])
    assert beta["name"] != pair[0].wwwroot

    again = finished("mnet/InitMnetNode", pair)
    renewed = finished("mnet/RenewMnetKeys", [pair[0]])

    assert {job.error for job in again.jobs.all()} == {"it is bound as it shall be"}
    assert renewed.counts()["succeeded"] == 1, renewed.jobs.get().error
    fresh, knowing = seen(pair)
    assert fresh["own"] not in ("", alpha["own"])
    assert fresh["signs"]
    assert knowing["peer"] == fresh["own"]
    assert fresh["former"] == [True]
    assert fresh["peer"] == knowing["own"] == beta["own"]

    keeps_its_bonds_at_another_address(pair, finished)

    off = finished("mnet/SetNetwork", [pair[1]], "network=-1")

    job = off.jobs.get()
    assert job.state == Job.State.SUCCEEDED, job.error
    alone, gone = seen(pair)
    assert (alone["known"], gone["known"]) == (False, False)
    assert (alone["mode"], gone["mode"]) == ("strict", "off")


def keeps_its_bonds_at_another_address(
    pair: tuple[Tenant, Tenant], finished: RunOf
) -> None:
    """Check that a site which is renamed gets keys that name its new address."""
    _alpha, beta = pair
    former, new = beta.wwwroot, "https://elsewhere.example.org"
    for wwwroot in (new, former):
        words = f"wwwroot={wwwroot}&without_content=1"
        job = finished("lifecycle/Rename", [beta], words).jobs.get()
        assert job.state == Job.State.SUCCEEDED, job.error
        assert "new keys, which serve until" in job.text()[0]
        assert "Warning" not in job.text()[0]
        beta.refresh_from_db()
        knowing, moved = seen(pair)
        assert knowing["known"]
        assert knowing["peer"] == moved["own"]
        assert moved["signs"]
        assert keys.address(moved["own"]) == wwwroot
        assert knowing["named"] == keys.expires(moved["own"])
