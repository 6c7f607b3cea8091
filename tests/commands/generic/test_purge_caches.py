from pathlib import Path

import pytest

from commands.models import Job
from tenants import moodledb
from tenants.models import Tenant
from tests.conftest import AddTenant, RunOf

PURGE = "generic/PurgeCaches"
COUNTERS = ("themerev", "jsrev", "langrev")


@pytest.fixture
def cached(tenant: Tenant) -> Path:
    """Return a file in the cache of the tenant."""
    file = Path(tenant.data_path, "cache", "core", "entry")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


def counters(tenant: Tenant) -> dict[str, str]:
    return moodledb.config_of(tenant, COUNTERS)


def test_all_caches_are_purged(finished: RunOf, tenant: Tenant, cached: Path):
    before = counters(tenant)

    job = finished(PURGE, [tenant]).jobs.get()

    assert (job.state, job.exit_code) == (Job.State.SUCCEEDED, 0)
    assert not cached.exists()
    assert all(counters(tenant)[name] != before.get(name) for name in COUNTERS)


@pytest.mark.parametrize(
    ("chosen", "counter"), [("theme", "themerev"), ("js", "jsrev"), ("lang", "langrev")]
)
def test_only_the_chosen_cache_is_purged(
    finished: RunOf, tenant: Tenant, cached: Path, chosen: str, counter: str
):
    before = counters(tenant)

    finished(PURGE, [tenant], f"{chosen}=1")

    after = counters(tenant)
    assert cached.exists()
    assert {n for n in COUNTERS if after.get(n) != before.get(n)} == {counter}


def test_the_caches_of_other_tenants_stay(
    finished: RunOf, tenant: Tenant, cached: Path, add_tenant: AddTenant
):
    finished(PURGE, [add_tenant("two")])

    assert cached.exists()


def test_an_option_the_script_does_not_know_fails_with_its_words(
    finished: RunOf, tenant: Tenant, cached: Path
):
    job = finished(PURGE, [tenant], "more=--courses").jobs.get()

    assert (job.state, job.exit_code) == (Job.State.FAILED, 2)
    assert job.error == (
        "admin/cli/purge_caches.php ended with exit code 2: Unrecognised options: / "
        "--courses / Please use --help option."
    )
    assert cached.exists()


def test_a_script_that_the_release_does_not_have_is_told(
    finished: RunOf, tenant: Tenant
):
    tree = tenant.release.path
    Path(tree, "admin/cli/purge_caches.php").unlink()

    job = finished(PURGE, [tenant]).jobs.get()

    assert job.error == (
        f"{tree} has no admin/cli/purge_caches.php: this release does not ship it"
    )
