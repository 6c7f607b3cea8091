"""A tenant of a registry that programs of the tests make; Django must be set up."""

from tenants.models import DatabaseServer, Release, Tenant
from tenants.serving import publish


def enter(release: Release, data_path: str) -> Tenant:
    """Enter a tenant, which nothing is published of, then or later."""
    publish.publish = lambda tenant: None  # type: ignore[assignment]
    return Tenant.objects.create(
        wwwroot="https://a.example.org",
        name="A",
        shortname="a",
        db_name="a",
        db_user="a",
        data_path=data_path,
        server=DatabaseServer.objects.create(name="db1", admin_user="x"),
        release=release,
    )
