"""The marks by which an undo and the doctor know what a work has made.

What has become a tenant's own bears none: else it would be cleared away as soon as the
registry forgets the tenant, or is put back to a day when it did not know it yet.
"""

from pathlib import Path

from tenants.backup import content
from tenants.errors import VMoodleError
from tenants.lifecycle import databases
from tenants.lifecycle.steps import Lines
from tenants.models import Tenant

OURS = "vmoodle "  # begins each


def take_off(tenant: Tenant) -> Lines:
    """Take our marks off the tenant's database and files; what cannot be is told."""
    server, name, data = tenant.server, tenant.db_name, Path(tenant.data_path)
    try:
        if databases.mark_of(server, name).startswith(OURS):
            databases.set_mark(server, name, "")
        content.take_mark_off(data)
    except VMoodleError as error:
        yield f"Warning: it still looks as if it were being made: {error}"
