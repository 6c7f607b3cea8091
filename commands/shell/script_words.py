"""Management commands that end with a script of Moodle and its own command line."""

import shlex
from argparse import REMAINDER, ArgumentParser
from typing import Any
from urllib.parse import parse_qs

from commands.cli import Base
from tenants.selection import SelectionError


class ScriptWords(Base):
    """Takes `path/to/cli/script.php WORD...` where other wrappers have options."""

    needs_dashes = False  # "--" must stand before the script

    def add_fields(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "words",
            nargs=REMAINDER,
            metavar="-- SCRIPT" if self.needs_dashes else "SCRIPT",
            help="Path of the script in the code tree, such as admin/cli/cfg.php; all "
            "that follows it is the script's.",
        )

    def given(self, options: dict[str, Any]) -> dict[str, str | list[str]]:
        dashes, words = False, list(options["words"])
        if words[:1] == ["--"]:
            dashes = bool(words.pop(0))
        if not words:
            if options.get("retry") is not None:
                return {}
            raise SelectionError(
                "No script is named: end the line with its path, such as "
                "admin/cli/cfg.php, and its own options"
            )
        if self.needs_dashes and not dashes:
            # What the script would get may be meant to choose tenants.
            raise SelectionError(
                f"Put '--' before the script, after all other options: -- {words[0]}"
            )
        return {"script": words[0], "arguments": shlex.join(words[1:])}

    def words(self, attributes: str) -> list[str]:
        given = parse_qs(attributes)
        arguments = given.get("arguments", [""])[0]
        return ["--", *given.get("script", []), *shlex.split(arguments)]
