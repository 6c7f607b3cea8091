"""The options of the bulk commands: which tenants, and how to run."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from commands.models import Run
from tenants.models import Tenant
from tenants.selection import Selection, SelectionError

MAX_JOBS = 200  # at once


def add_selection(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("which tenants (all enabled ones by default)")
    group.add_argument(
        "-t", "--tohosts", metavar="LIST", help="wwwroots, by commas; *: all."
    )
    group.add_argument(
        "-m",
        "--tohostsmatch",
        metavar="PATTERN",
        help="wwwroots that fit: '*' any run of characters, '?' at most one.",
    )
    group.add_argument("-e", "--exclude", metavar="LIST", help="Patterns to leave out.")
    group.add_argument(
        "-M",
        "--with-master",
        "--withmaster",
        action="store_true",
        help="The main tenant as well.",
    )


def add_running(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("how to run")
    group.add_argument("-j", "--jobs", type=int, metavar="N", help="Jobs at once.")
    group.add_argument(
        "-s", "-f", "--fullstop", action="store_true", help="Stop at the first error."
    )
    group.add_argument(
        "--max-failures", metavar="N|N%", help="Stop after so many failures."
    )
    group.add_argument(
        "--canary",
        metavar="N|TAG",
        help="Do so many tenants, or those of a tag, first; go on only if all succeed.",
    )
    group.add_argument(
        "--retry", type=int, metavar="RUN", help="What did not succeed in this run."
    )
    group.add_argument("-l", "--logroot", metavar="DIR", help="Write a log per tenant.")
    group.add_argument("--detach", action="store_true", help="Queue it and return.")
    group.add_argument("--json", action="store_true", help="The result as JSON.")
    group.add_argument("-v", "--verbose", action="store_true", help="Print all output.")
    group.add_argument("-d", "--debug", action="store_true", help="As --verbose.")


def selection(options: dict[str, Any]) -> Selection:
    """Return the selection that the options describe."""
    return Selection(
        hosts=_listed(options["tohosts"]),
        matches=_listed(options["tohostsmatch"]),
        exclude=_listed(options["exclude"]),
        with_master=options["with_master"],
    )


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def jobs_at_once(number: int | None) -> int:
    if number is not None and not 1 <= number <= MAX_JOBS:
        raise SelectionError(f"--jobs {number}: give a number from 1 to {MAX_JOBS}")
    return number or 0


def failure_limit(options: dict[str, Any]) -> tuple[int | None, int]:
    """Return the limit of failures as a number and as a percentage (0: none)."""
    text = options["max_failures"]
    if options["fullstop"] or text is None:
        return (1 if options["fullstop"] else None), 0
    number = text.removesuffix("%")
    if not number.isdecimal() or int(number) == 0:
        raise SelectionError(f"--max-failures {text!r}: give a number or N%, above 0")
    return (None, int(number)) if text.endswith("%") else (int(number), 0)


def log_directory(path: str | None) -> str:
    if not path:
        return ""
    directory = Path(path).resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ".vmoodle").touch()
        (directory / ".vmoodle").unlink()
    except OSError as error:
        raise SelectionError(f"--logroot {path}: {error.strerror}") from error
    return str(directory)


def canary_of(text: str | None, run: Run) -> list[int] | int:
    """Return how many tenants go first, or the pks of those with a tag."""
    if text is None:
        return 0
    if text.isdecimal() and int(text):
        return int(text)
    tagged = Tenant.objects.filter(pk__in=run.targets, tags__name=text)
    pks = list(tagged.values_list("pk", flat=True))
    if not pks:
        raise SelectionError(f"--canary {text}: no selected tenant has this tag")
    return pks
