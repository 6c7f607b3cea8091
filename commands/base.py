"""What a command is: a Django form that does one thing to one tenant.

From one declaration come the page, the command line, the help, and the job. The
querystring of its fields is the one wire format of screen, shell and queue.
"""

import difflib
import importlib
import pkgutil
import re
import shlex
from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from commands import explained
from commands.validation import invalid, unsplit
from tenants import confidential, php
from tenants.errors import VMoodleError
from tenants.models import Tenant

Json = dict[str, Any] | list[Any] | str | int | float | bool | None
# Yields log lines, and None as a sign of life; returns the result.
Steps = Generator[str | None, None, Json]
# What an operator is told in a sentence, instead of a traceback.
REFUSED = (VMoodleError, ValidationError)


class CommandFailed(VMoodleError):
    """The command could not do its work on this tenant: one sentence says why."""


class RolledBack(CommandFailed):
    """It failed, and the tenant is again what it was before: one sentence says why."""

    state = "rolled_back"  # of the job


class NothingToDo(Exception):
    """The tenant is already as the command would leave it."""

    state = "skipped"  # of the job


class UnknownCommand(VMoodleError):
    """No command class has this name."""


class Command(forms.Form):
    """One thing that can be done to a tenant.

    Subclasses declare their parameters as form fields and override `run`.
    """

    dangerous = False  # asks for a typed confirmation and its own permission
    exclusive = True  # holds the tenant: no other such job at the same time
    heals = False  # allowed on a tenant that needs attention
    frequent = False  # an action of its own in the tenant list
    formerly = ""  # the class's name in the PHP system, if it was another
    bulk_log = ""  # name of the per-tenant log file; default: the command's
    letters: Mapping[str, str] = {}  # short options in the shell, by parameter

    # Set by the engine: the job it runs for, and what `prepare` had returned.
    job: int | None = None
    material: Json = None
    interruptible = True  # False while a step must not be cut off

    required_css_class = "required"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        explained.name_fields(self.fields)

    @classmethod
    def name(cls) -> str:
        """Return the name by package and class, such as `generic/PurgeCaches`."""
        return f"{cls.__module__.split('.')[-2]}/{cls.__name__}"

    @classmethod
    def category(cls) -> str:
        return cls.name().partition("/")[0]

    @classmethod
    def title(cls) -> str:
        """Return the name without its package."""
        return cls.name().partition("/")[2]

    @classmethod
    def help(cls) -> str:
        """Return its description, in the active language."""
        return explained.translated(cls.__doc__)

    @classmethod
    def flowing(cls) -> SafeString:
        """Return the help for a page."""
        return explained.as_html(cls.help())

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the help."""
        return cls.help().partition("\n")[0]

    @classmethod
    def from_attributes(cls, attributes: str) -> Self:
        """Return the form bound to a querystring; defaults fill what is absent.

        Raises ValidationError when the text is no querystring, or names a parameter
        twice or one the command does not have. `is_valid()` checks the values.
        """
        try:
            pairs = parse_qsl(
                attributes,
                strict_parsing=bool(attributes),
                keep_blank_values=True,
                errors="strict",
            )
            if "" in dict(pairs):
                raise ValueError("a value without a name")
        except ValueError as error:
            raise invalid(
                _("%(text)r is not of the form name=value&name=value, percent-encoded"),
                text=attributes,
            ) from error
        unknown = sorted({name for name, _value in pairs} - set(cls.base_fields))
        if unknown:
            raise invalid(
                _("%(command)s has no parameter %(names)s (it has: %(known)s)"),
                command=cls.name(),
                names=", ".join(unknown),
                known=", ".join(cls.base_fields) or _("none"),
            )
        cls._refuse_repeated([name for name, _value in pairs])
        return cls(cls._with_defaults(pairs))

    @classmethod
    def _refuse_repeated(cls, names: list[str]) -> None:
        """Raise ValidationError when a parameter that has one value is there twice."""
        for name in sorted({name for name in names if names.count(name) > 1}):
            if not isinstance(cls.base_fields[name].widget, forms.SelectMultiple):
                raise invalid(_("%(name)s is given twice: it has one value"), name=name)

    @classmethod
    def _with_defaults(cls, pairs: Iterable[tuple[str, str]]) -> QueryDict:
        # A bound form ignores `initial`, so what is absent or empty is filled in here.
        data = QueryDict(mutable=True)
        for name, value in pairs:
            if isinstance(cls.base_fields[name], forms.BooleanField):
                value = _yes_or_no(name, value)
            if value:
                data.appendlist(name, value)
        for name, field in cls.base_fields.items():
            if name not in data and field.initial not in (None, False):
                data[name] = str(field.initial)
        return data

    @classmethod
    def within(cls, other: "Command") -> Self:
        """Return the command as it is by default, to be a part of another one's job."""
        command = cls.from_attributes("")
        assert command.is_valid(), command.errors
        command.job = other.job
        return command

    def attributes(self) -> str:
        """Return the parameters as a querystring, without empty and secret ones."""
        return self._querystring(set(self.fields) - self.hidden())

    def secrets(self) -> str:
        """Return the secret ones; they are kept encrypted, and until the run ends."""
        return self._querystring(self.hidden())

    def hidden(self) -> set[str]:
        """Return the parameters that are secret, as they are given."""
        return set(self.secret_names())

    @classmethod
    def secret_names(cls) -> list[str]:
        """Return the parameters that are never shown: passwords."""
        return [
            name
            for name, field in cls.base_fields.items()
            if isinstance(field.widget, forms.PasswordInput)
        ]

    def _querystring(self, names: set[str]) -> str:
        pairs = [
            (name, value)
            for name, field in self.fields.items()
            if name in names
            for value in self._raw(name, field)
        ]
        return urlencode(pairs)

    def _raw(self, name: str, field: forms.Field) -> list[str]:
        if isinstance(field, forms.BooleanField):
            return ["1"] if self[name].data else []
        value = self[name].data
        values = value if isinstance(value, list) else [value]
        return [str(item) for item in values if item not in (None, "")]

    def is_dangerous(self) -> bool:
        """Whether the parameters, which are valid, make it dangerous: see above."""
        return self.dangerous

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        """Return, by tenant pk, why a tenant needs nothing. Asks by SQL only."""
        return {}

    def refusals(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        """Return, by tenant pk, why it cannot be done there. Asks by SQL only.

        For what the job would find out itself, but later than an operator likes.
        """
        return {}

    def tells(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        """Return, by tenant pk, what its confirmation has to say of it. Asks by SQL."""
        return {}

    def not_before(self) -> datetime | None:
        """Return from when on a job may start, None for now; asked once for each."""
        return None

    @classmethod
    def prepares(cls) -> bool:
        """Whether `prepare` gives the jobs of a run anything."""
        return cls.prepare is not Command.prepare

    def prepare(self, tenants: Sequence[Tenant]) -> Json:
        """Read, once for the run, what its jobs need; raise CommandFailed.

        Called before any tenant is touched; an error leaves the run unstarted. What
        it returns is kept, encrypted, until the run ends: `self.material` in `run`,
        which jobs share and must not change.
        """
        return None

    def run(self, tenant: Tenant) -> Steps:
        """Do it: yield log lines, return a result, raise CommandFailed."""
        raise NotImplementedError

    def recover(self, tenant: Tenant) -> None:
        """Undo what the command leaves behind when its worker dies."""


class PhpScript(Command):
    """A stock Moodle command-line script; its fields become `--options`."""

    script = ""
    fixed: Sequence[str] = ()  # options always given
    accept: Sequence[int] = (0,)  # exit codes that mean success
    not_options: Sequence[str] = ()  # fields that are not for the script

    more = forms.CharField(
        label=_("More options"),
        required=False,
        max_length=2000,
        help_text=_("Further options of the script, as on its command line."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields([*(name for name in self.fields if name != "more"), "more"])

    def clean_more(self) -> str:
        text: str = self.cleaned_data["more"]
        refuse_secrets(self.script, words := split_options(text))
        for word in words:
            if not word.startswith("-") or not word.isprintable():
                raise invalid(
                    _(
                        "%(word)r is not an option: options begin with '-', and a "
                        "value is joined to its option by '='"
                    ),
                    word=word,
                )
            if word == "--" or re.match(r"--host\b", word):
                raise invalid(_("%(word)r is set by VMoodle: leave it out"), word=word)
        return text

    def options(self) -> list[str]:
        """Return the script's options for the cleaned parameters."""
        given = list(self.fixed)
        for name in self.fields:
            value = self.cleaned_data.get(name)
            if name in (*self.not_options, "more"):
                continue
            if value is False or value in (None, "", []):
                continue
            if isinstance(value, list):
                value = ",".join(value)
            option = f"--{name.replace('_', '-')}"
            given.append(option if value is True else f"{option}={value}")
        return given + split_options(self.cleaned_data.get("more", ""))

    def run(self, tenant: Tenant) -> Steps:
        code = yield from self.call(tenant, self.script, self.options())
        return {"exit_code": code}

    def call(
        self, tenant: Tenant, script: str, options: Sequence[str], stdin: str = ""
    ) -> php.Lines:
        """Run a script for this job, as `php.run`."""
        return php.run(
            tenant, script, options, job=self.job, accept=self.accept, stdin=stdin
        )


def _yes_or_no(name: str, value: str) -> str:
    """Return what a checkbox sends, "1" or nothing: it takes the text "0" for a yes."""
    if value.lower() in {"1", "true", "yes", "on"}:
        return "1"
    if value.lower() in {"", "0", "false", "no", "off"}:
        return ""
    said = _("%(name)s=%(value)s: give %(name)s=1 or %(name)s=0")
    raise invalid(said, name=name, value=value)


def split_options(text: str) -> list[str]:
    """Return the words of a command line; raise ValidationError on open quotes."""
    try:
        return shlex.split(text) if text else []  # it is slow even with nothing
    except ValueError as error:
        raise invalid(
            _("%(text)r cannot be split into options: %(why)s"),
            text=text,
            why=unsplit(error),
        ) from error


def refuse_secrets(script: str, words: Sequence[str]) -> None:
    """Raise ValidationError when the options of a script tell, or ask for, a secret."""
    if option := confidential.secret_option(script, words):
        raise invalid(
            _(
                "%(option)s is about a secret, which the list of processes, pages and "
                "logs would show: give a password by system/ResetPassword, a setting "
                "by generic/SetConfig or generic/SetPluginConfig"
            ),
            option=option,
        )


_commands: dict[str, type[Command]] = {}
_former: dict[str, type[Command]] = {}
C = TypeVar("C", bound=type[Command])


def register(cls: C) -> C:
    """Make a command class known under its name."""
    _commands[_folded(cls.name())] = cls
    if cls.formerly:
        _former[_folded(f"{cls.category()}/{cls.formerly}")] = cls
    return cls


def import_commands() -> None:
    """Import every module of the categories, for it may register a command."""
    for category in explained.CATEGORIES:
        package = importlib.import_module(f"commands.{category}")
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)


def all_commands() -> list[type[Command]]:
    return sorted(_commands.values(), key=lambda command: command.name())


def find(name: str) -> type[Command]:
    """Return the command class of a name, whatever its case and underscores.

    Names of the PHP system are known as well, such as `roles/Role_Sync`.
    """
    try:
        return (_former | _commands)[_folded(name)]
    except KeyError:
        names = [command.name() for command in all_commands()]
        said = _("There is no command %(name)r: 'manage.py commands' lists all")
        near = difflib.get_close_matches(name, names, n=1)
        if near:
            said = _("There is no command %(name)r: did you mean %(near)s?")
        raise UnknownCommand(said % {"name": name, "near": near and near[0]}) from None


def _folded(name: str) -> str:
    return name.replace("_", "").casefold()
