"""What a command class is, in words: for `manage.py commands`."""

from typing import Any

from django import forms

from commands.base import Command
from commands.cli import TenantCommand
from commands.shell.equivalent import bulk_command, wrappers

LISTED = 30  # choices in a text


def describe(command: type[Command]) -> dict[str, Any]:
    """Return all there is to know of a command, as JSON can hold it."""
    return {
        "name": command.name(),
        "formerly": command.formerly,
        "summary": command.summary(),
        "help": command.help(),
        "dangerous": command.dangerous,
        "dangerous_by_parameters": by_parameters(command),
        "exclusive": command.exclusive,
        "one_tenant": one_tenant(command),
        "many_tenants": many_tenants(command),
        "parameters": [
            parameter(name, field) for name, field in command().fields.items()
        ],
    }


def one_tenant(command: type[Command]) -> str:
    """Return the management command for one tenant, or "" if there is none."""
    return wrappers(TenantCommand).get(command, "")


def many_tenants(command: type[Command]) -> str:
    """Return how many tenants are reached in a shell."""
    name = bulk_command(command)[0]
    return f"{name} --command={command.name()}" if name == "run_command" else name


def by_parameters(command: type[Command]) -> bool:
    """Whether it depends on the parameters that the command is dangerous."""
    return command.is_dangerous is not Command.is_dangerous


def parameter(name: str, field: forms.Field) -> dict[str, Any]:
    """Return what a parameter takes; `default` is None without one."""
    switch = isinstance(field, forms.BooleanField)
    return {
        "name": name,
        "help": str(field.help_text),
        "type": "yes/no" if switch else _type(field),
        "required": field.required,
        "default": None if field.initial in (None, False, "") else str(field.initial),
        "choices": choices(field),
        "multiple": isinstance(field.widget, forms.SelectMultiple),
        "secret": isinstance(field.widget, forms.PasswordInput),
        "min": getattr(field, "min_value", None),
        "max": getattr(field, "max_value", None),
        "max_length": getattr(field, "max_length", None),
    }


def _type(field: forms.Field) -> str:
    if isinstance(field, (forms.FloatField, forms.DecimalField)):
        return "number"
    return "whole number" if isinstance(field, forms.IntegerField) else "text"


def choices(field: forms.Field) -> list[str] | None:
    """Return the values to choose from, or None if any may be given."""
    if not isinstance(field, (forms.ChoiceField, forms.ModelChoiceField)):
        return None
    found: list[str] = []
    offered: Any = field.choices
    for value, label in offered:
        if isinstance(label, (list, tuple)):  # a group of choices
            found += [str(inner) for inner, _text in label]
        elif str(value):
            found.append(str(value))
    return found


def text(command: type[Command]) -> str:
    """Return the help of a command, with all its parameters."""
    danger = "yes" if command.dangerous else "no"
    if not command.dangerous and by_parameters(command):
        danger = "with some parameters"
    fields = command().fields.items()
    lines = [
        *(command.name(), "", command.help(), ""),
        *("Parameters:" if fields else "It has no parameters.",),
        *(line for name, field in fields for line in _lines(parameter(name, field))),
        *("", f"Dangerous: {danger}"),
        f"Many tenants: manage.py {many_tenants(command)}",
    ]
    if command.formerly:
        lines.append(f"In PHP: {command.category()}/{command.formerly}")
    if name := one_tenant(command):
        lines.append(f"One tenant: manage.py {name} --host=URL")
    return "\n".join(lines)


def _lines(about: dict[str, Any]) -> list[str]:
    facts = [about["type"]]
    facts += [word for word in ("required", "secret", "multiple") if about[word]]
    if about["default"] is not None:
        facts.append(f"default {about['default']}")
    for name, word in (("min", "at least"), ("max", "at most")):
        if about[name] is not None:
            facts.append(f"{word} {about[name]}")
    if about["max_length"] is not None:
        facts.append(f"at most {about['max_length']} characters")
    lines = [f"  {about['name']} ({', '.join(facts)})", f"      {about['help']}"]
    if about["choices"] is not None:
        listed = ", ".join(about["choices"][:LISTED]) or "none"
        more = ", ..." if len(about["choices"]) > LISTED else ""
        lines.append(f"      One of: {listed}{more}")
    return lines
