"""The options of the bulk commands: which tenants, and how to run."""

import shlex
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from commands.models import Job, Run
from commands.validation import unsplit
from tenants.models import Tenant
from tenants.selection import Selection, SelectionError
from tenants.surroundings import as_root

MAX_JOBS = 200  # at once
MOST = "9" * 9  # what every registry can hold
SELECTORS = {
    "tohosts": ("t", "LIST", "wwwroots, by commas; *: all."),
    "tohostsmatch": (
        "m",
        "PATTERN",
        "wwwroots that fit: '*' any run of characters, '?' at most one.",
    ),
    "tag": ("", "LIST", "Tenants with any of these tags."),
    "release": ("", "LIST", "Tenants pinned to any of these releases."),
    "network": ("", "LIST", "Tenants of these MNet networks: -1 off, 0 main only."),
    "from-file": ("", "FILE", "wwwroots, one a line, '#' comments; -: standard input."),
    "failed-in": ("", "RUN", "Tenants whose job failed in this run."),
    "in-run": ("", "RUN", "Tenants that this run was for."),
    "exclude": ("e", "LIST", "Patterns to leave out."),
    "also": ("", "LIST", "Patterns to add."),
}


class Select(Action):
    """Keeps the options that choose tenants in the order in which they are typed."""

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: Any, *args: Any
    ) -> None:
        steps = getattr(namespace, self.dest) or []
        setattr(namespace, self.dest, [*steps, (self.const, values)])


def add_selection(parser: ArgumentParser) -> None:
    group = parser.add_argument_group(
        "which tenants",
        "Without any of these all enabled tenants but the main one. The first starts "
        "with the tenants it names, each later one narrows them, --exclude takes away "
        "and --also adds, from left to right.",
    )
    for name, (letter, metavar, text) in SELECTORS.items():
        group.add_argument(
            *([f"-{letter}"] if letter else []),
            f"--{name}",
            action=Select,
            dest="selectors",
            const=name,
            metavar=metavar,
            help=text,
        )
    group.add_argument(
        "-M",
        "--with-master",
        "--withmaster",
        action="store_true",
        help="The main tenant as well.",
    )


def add_running(parser: ArgumentParser, fullstop: Sequence[str] = ("-s", "-f")) -> None:
    """Add the options that tell how; `fullstop`: the short forms of that one."""
    group = parser.add_argument_group("how to run")
    group.add_argument("-j", "--jobs", type=int, metavar="N", help="Jobs at once.")
    group.add_argument(
        *fullstop, "--fullstop", action="store_true", help="Stop at the first error."
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
    group.add_argument(
        "--dry-run", action="store_true", help="Print what would be done; do nothing."
    )
    group.add_argument(
        "--yes", action="store_true", help="Do not ask before a dangerous command."
    )
    group.add_argument("-l", "--logroot", metavar="DIR", help="Write a log per tenant.")
    group.add_argument("--detach", action="store_true", help="Queue it and return.")
    group.add_argument("--json", action="store_true", help="The result as JSON.")
    group.add_argument("-v", "--verbose", action="store_true", help="Print all output.")
    group.add_argument("-d", "--debug", action="store_true", help="As --verbose.")


def refuse_ours(parser: ArgumentParser, word: str) -> None:
    """Refuse what was meant for us, before a site is closed for it."""
    bulk = ArgumentParser(add_help=False)
    add_selection(bulk)
    add_running(bulk)
    theirs = {*bulk._option_string_actions} - {"--verbose", "--debug", "--json"}
    if word.startswith("--") and word in theirs:
        parser.error(f"{word} is an option of many tenants: use bulk... --tohosts=HOST")
    own = [option for option in parser._option_string_actions if option[:2] == "--"]
    if near := get_close_matches(word, own, 1, 0.85):
        parser.error(f"unrecognized arguments: {word} (did you mean {near[0]}?)")


def refuse_root() -> None:
    """Refuse root, who would make what VMoodle's own user cannot change."""
    for found in as_root():
        raise SelectionError(f"{found.msg}: {found.hint}")


def selection(options: dict[str, Any]) -> Selection:
    """Return the selection that the options describe."""
    steps = [_step(name, text) for name, text in options["selectors"] or []]
    return Selection(steps, with_master=options["with_master"])


class _TextParser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SelectionError(message)


def selection_of(text: str) -> Selection:
    """Return the selection that a text of these options describes.

    Raises SelectionError with a sentence when it is none.
    """
    parser = _TextParser(add_help=False, allow_abbrev=False)
    add_selection(parser)
    try:
        words = shlex.split(text)
    except ValueError as error:
        said = _("%(text)r cannot be split: %(why)s")
        raise SelectionError(said % {"text": text, "why": unsplit(error)}) from error
    known, strays = parser.parse_known_args(words)
    if strays:
        said = _("unrecognized arguments: %(words)s")
        raise SelectionError(said % {"words": " ".join(strays)})
    options = vars(known)
    if any(name == "from-file" for name, _text in options["selectors"] or []):
        # Who keeps it, in a browser, must not read the files of the server.
        raise SelectionError(_("--from-file is for a shell: give the tenants by name"))
    return selection(options)


def _step(name: str, text: str) -> tuple[str, list[Any]]:
    whole = name == "from-file"  # its name may hold commas
    values = [part.strip() for part in ([text] if whole else text.split(","))]
    values = [value for value in values if value]
    if not values:
        said = _("--%(name)s is empty: leave it out, or give it a value")
        raise SelectionError(said % {"name": name})
    if name in RUNS:
        return "tenants", [pk for number in values for pk in RUNS[name](_run(number))]
    return name.replace("-", "_"), values


def _run(number: str) -> Run:
    run = Run.objects.filter(pk=number).first() if number.isdecimal() else None
    if run is None:
        raise SelectionError(_("There is no run %(number)s") % {"number": number})
    return run


def _failed_in(run: Run) -> list[int]:
    failed = run.jobs.filter(state__in=Job.BAD, tenant__isnull=False)
    if not (pks := list(failed.values_list("tenant_id", flat=True))):
        raise SelectionError(_("No job of run %(number)s failed") % {"number": run.pk})
    return pks


RUNS: dict[str, Callable[[Run], list[int]]] = {
    "failed-in": _failed_in,
    "in-run": lambda run: list(run.targets),
}


def set_limits(run: Run, options: dict[str, Any]) -> Sequence[int] | int:
    """Set how a draft is run; return its canary."""
    run.max_failures = failure_limit(options, len(run.targets))
    run.parallel = jobs_at_once(options["jobs"]) or run.parallel
    return canary_of(options["canary"], run)


def jobs_at_once(number: int | None) -> int:
    if number is not None and not 1 <= number <= MAX_JOBS:
        raise SelectionError(f"--jobs {number}: give a number from 1 to {MAX_JOBS}")
    return number or 0


def failure_limit(options: dict[str, Any], total: int) -> int | None:
    """Return how many failed jobs stop a run of so many; None if none do."""
    text = options["max_failures"]
    number = "1" if text is None else text.removesuffix("%")
    if not number.isdecimal() or len(number) > len(MOST) or int(number) == 0:
        raise SelectionError(
            f"--max-failures {text!r}: give a number or N%, above 0, at most {MOST}"
        )
    if options["fullstop"]:
        return 1
    return None if text is None else as_number(text, total)


def as_number(text: str, total: int) -> int:
    """Return `N` or `N%` of a total as a number, a percentage rounded up."""
    number = int(text.strip(" %"))
    return -(-total * number // 100) if "%" in text else number


def log_directory(path: str | None) -> str:
    if not path:
        return ""
    directory = Path(path).resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ".vmoodle").touch()
        (directory / ".vmoodle").unlink()
    except OSError as error:
        raise SelectionError(
            f"--logroot {path} cannot be written: {error.strerror}"
        ) from error
    return str(directory)


def canary_of(text: str | None, run: Run) -> list[int] | int:
    """Return how many tenants go first, or the pks of those with a tag."""
    if text is None:
        return 0
    if text.removeprefix("-").isdecimal():
        if int(text) > 0:
            return int(text)
        wrong = _("canary %(text)s: give a number above 0, or a tag")
        raise SelectionError(wrong % {"text": text})
    tagged = Tenant.objects.filter(pk__in=run.targets, tags__name=text)
    pks = list(tagged.values_list("pk", flat=True))
    if not pks:
        wrong = _("canary %(text)s: no selected tenant has this tag")
        raise SelectionError(wrong % {"text": text})
    return pks
