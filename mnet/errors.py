"""What goes wrong in MNet."""

from tenants.errors import VMoodleError


class MnetError(VMoodleError):
    """A key, message or peer is not as it must be: one sentence says why."""
