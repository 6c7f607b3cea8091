import sys
from typing import Any

from commands.cli import TenantCommand
from commands.system.reset_password import ResetPassword


class Command(TenantCommand):
    runs = ResetPassword

    def given(self, options: dict[str, Any]) -> dict[str, str | list[str]]:
        """Ask for the name first where somebody sits, as Moodle's script does."""
        if not options["field_username"] and sys.stdin.isatty():
            options = options | {"field_username": _asked("User name: ")}
        return super().given(options)


def _asked(question: str) -> str:
    try:
        return input(question)
    except EOFError:  # no answer: the parameter is missing
        return ""
