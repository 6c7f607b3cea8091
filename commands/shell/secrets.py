"""Passwords in a shell: from a prompt, standard input or a file, best not typed."""

import getpass
import sys
from argparse import ArgumentParser, _ArgumentGroup
from pathlib import Path
from typing import Any, ClassVar, Protocol

from django import forms
from django.core.exceptions import ValidationError


class HasSecrets(Protocol):
    base_fields: ClassVar[dict[str, forms.Field]]

    @classmethod
    def secret_names(cls) -> list[str]: ...


def add_secret_option(
    parser: ArgumentParser | _ArgumentGroup,
    name: str,
    flags: list[str],
    text: str,
    *,
    required: bool = False,
) -> None:
    """Add the option of a secret parameter, and one to read it from a file."""
    prompt = " Without either you are asked." if required else ""
    seen = f"{text} Every user of this machine sees it here: better leave it out."
    parser.add_argument(*flags, dest=f"field_{name}", metavar="VALUE", help=seen)
    parser.add_argument(
        f"{flags[-1]}-file",
        dest=f"secret_{name}",
        metavar="FILE",
        help=f"Read {flags[-1]} from the first line of a file; -: standard input, and "
        f"on a terminal you are asked.{prompt}",
    )


def secrets_given(form: type[HasSecrets], options: dict[str, Any]) -> dict[str, str]:
    """Return the secret parameters that come from files or from a prompt."""
    found = {}
    for name in form.secret_names():
        wanted = form.base_fields[name].required and not options[f"field_{name}"]
        path, terminal = options[f"secret_{name}"], sys.stdin.isatty()
        if terminal and (path == "-" or (wanted and not path)):
            found[name] = _ask(name)
        elif path:
            found[name] = _read(name, path)
    return found


def _read(name: str, path: str) -> str:
    option = f"--{name.replace('_', '-')}-file"
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ValidationError(f"{option} {path} cannot be read: {reason}") from error
    line = text.partition("\n")[0].removesuffix("\r")
    if not line:
        raise ValidationError(f"{option} {path}: its first line is empty")
    return line


def _ask(name: str) -> str:
    label = name.replace("_", " ")
    try:
        first = getpass.getpass(f"{label.capitalize()}: ")
        again = getpass.getpass(f"{label.capitalize()} again: ")
    except EOFError as end:
        raise ValidationError(f"No {label} was given: nothing was done") from end
    if again != first:
        raise ValidationError(f"The two {label}s differ: nothing was done")
    return first
