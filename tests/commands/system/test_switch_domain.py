import pytest
from django.core.exceptions import ValidationError

from commands.models import Job
from commands.system.switch_domain import SwitchDomain
from tenants.lifecycle import rename
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import complaints, job_of, put_script
from tests.conftest import RunOf


def target(attributes: str, wwwroot: str) -> str:
    form = SwitchDomain.from_attributes(attributes)
    assert form.is_valid(), form.errors
    return form.target(wwwroot)


@pytest.mark.parametrize(
    ("attributes", "wwwroot", "new"),
    [
        ("domain=b.net", "https://one.a.org", "https://one.b.net"),
        ("domain=B.net.", "http://one.x.a.org:8080/sub", "http://one.b.net:8080/sub"),
        ("domain=b.net&fromdomain=a.org", "https://one.x.a.org", "https://one.x.b.net"),
    ],
)
def test_the_host_keeps_its_name(attributes: str, wwwroot: str, new: str):
    assert target(attributes, wwwroot) == new


@pytest.mark.parametrize(
    ("attributes", "wwwroot"),
    [
        ("domain=b.net&fromdomain=a.org", "https://one.aa.org"),
        ("domain=b.net&fromdomain=a.org", "https://a.org"),
        ("domain=b.net", "http://localhost"),
    ],
)
def test_a_host_of_another_domain_stays(attributes: str, wwwroot: str):
    with pytest.raises(ValidationError, match="is not below"):
        target(attributes, wwwroot)


@pytest.mark.parametrize("domain", ["", "a b", "x/y", "x:8080", "-x.org", "a%00"])
def test_what_is_no_domain_is_refused(domain: str):
    assert complaints(SwitchDomain, f"domain={domain}")


def test_two_that_would_get_the_same_address_do_not_both(run_of: RunOf, rows):
    tenants = [
        *rows(1, wwwroot="https://a.x.org", key="a.x.org"),
        *rows(1, wwwroot="https://a.y.org", key="a.y.org"),
        *rows(1, wwwroot="https://b.x.org", key="b.x.org"),
        *rows(1, wwwroot="https://b.y.org", key="b.y.org"),
    ]

    run = run_of("system/SwitchDomain", [*tenants[:2], tenants[2]], "domain=y.org")

    first, second, third = (run.jobs.get(tenant=tenant) for tenant in tenants[:3])
    assert first.error == "another tenant has, or shall get, https://a.y.org"
    assert second.state == Job.State.SKIPPED
    assert third.error == "another tenant has, or shall get, https://b.y.org"


@pytest.mark.parametrize("name", ["switch_domain", "bulkswitchdomain"])
def test_the_shell_has_both_forms(manage: Manage, add_tenant, workers, name: str):
    tenant = add_tenant("one", install=False)
    put_script(tenant, rename.PURGE)
    host = ["--yes"] if "bulk" in name else [f"--host={tenant.wwwroot}"]

    said = manage(name, *host, "-D", "example.net", "-F", "example.org")

    assert said.code == 0, said
    assert Tenant.objects.get().wwwroot == "https://one.example.net"


def test_a_site_moves_once(finished: RunOf, add_tenant):
    tenant = add_tenant("one", install=False)
    put_script(tenant, rename.PURGE)

    job = job_of(finished("system/SwitchDomain", [tenant], "domain=example.net"))

    assert job.result["wwwroot"] == "https://one.example.net"
