"""What a command says of itself, in the language of its reader.

The texts are its docstring and the names of its parameters. They are in no call of
gettext that could be found in the source: `manage.py makemessages` asks here.
"""

import re
from collections.abc import Iterator, Mapping
from inspect import cleandoc

from django import forms
from django.forms.utils import pretty_name
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

# The packages of commands, and what they are called on a page beside their names.
CATEGORIES = {
    "courses": _("Courses"),
    "generic": _("Generic"),
    "lifecycle": _("Life cycle"),
    "mnet": _("MNet"),
    "plugins": _("Plugins"),
    "roles": _("Roles"),
    "sql": _("SQL"),
    "system": _("System"),
    "upgrade": _("Upgrade"),
}
EXAMPLE = "Example of "  # attributes: the same in all languages, and not for a page
# Else the label of a parameter "delete" would be what the console's buttons say.
PARAMETER = "parameter"


def translated(doc: str | None) -> str:
    """Return a docstring, each of its paragraphs in the active language."""
    return "\n\n".join(
        part if part.startswith(EXAMPLE) else gettext(part) for part in _parts(doc)
    )


def as_html(text: str) -> SafeString:
    """Return paragraphs that flow, without the example, for a page."""
    parts = [part for part in _parts(text) if not part.startswith(EXAMPLE)]
    flowing = re.sub(r"(?<!\n)\n(?![\n ])", " ", "\n\n".join(parts))
    marked = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escape(flowing))
    return mark_safe(marked)  # noqa: S308 - of an escaped text


def name_fields(fields: Mapping[str, forms.Field]) -> None:
    """Give those without a label that of their name, in the active language."""
    for name, field in fields.items():
        if field.label is None:
            field.label = pgettext(PARAMETER, pretty_name(name))


def calls(doc: str | None, fields: Mapping[str, forms.Field]) -> Iterator[str]:
    """Yield the calls, in Python, that name the texts to translate."""
    for part in _parts(doc):
        if not part.startswith(EXAMPLE):
            yield f"gettext({part!r})"
    for name, field in fields.items():
        if field.label is None:
            yield f"pgettext({PARAMETER!r}, {pretty_name(name)!r})"


def _parts(doc: str | None) -> list[str]:
    return cleandoc(doc or "").split("\n\n")
