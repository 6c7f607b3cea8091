"""A plugin as a parameter, in Moodle's two spellings: `mod/quiz` and `mod_quiz`."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.validation import invalid

COMPONENT = re.compile(r"\A([a-z]+[0-9]?[a-z]*)[/_]([a-z][a-z0-9_]*)\Z")


class PluginField(forms.CharField):
    """A plugin; the cleaned value is `type/name`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=120, **kwargs)

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        found = COMPONENT.match(text)
        if found is None:
            raise invalid(
                _("%(text)r names no plugin: give type and name, such as mod/quiz"),
                text=text,
            )
        return f"{found[1]}/{found[2]}"


class FilterField(PluginField):
    """A text filter, also by its name alone."""

    def clean(self, value: Any) -> str:
        text = str(value or "").strip()
        if text and not re.match(r"\w+/|filter_", text):
            text = f"filter/{text}"
        plugin = super().clean(text)
        if not plugin.startswith("filter/"):
            raise invalid(
                _("%(plugin)s is no filter: use plugins/SetState"), plugin=plugin
            )
        return plugin


class PluginTypeField(forms.RegexField):
    """A type of plugins, such as `mod`; empty: all types."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            r"\A[a-z][a-z0-9]*\Z",
            max_length=40,
            required=False,
            error_messages={"invalid": _("A type of plugins is a word such as mod.")},
            **kwargs,
        )
