"""What goes wrong in MNet."""


class MnetError(Exception):
    """A key, message or peer is not as it must be: one sentence says why."""
