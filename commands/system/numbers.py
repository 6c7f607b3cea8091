"""A list of numbers, such as the ids of users."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.validation import invalid


class NumbersField(forms.CharField):
    """Numbers by commas; the cleaned value is a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 10_000, **kwargs})

    def clean(self, value: Any) -> list[int]:
        words = [word.strip() for word in super().clean(value).split(",")]
        strange = [w for w in words if w and not (w.isascii() and w.isdecimal())]
        if strange or any(len(word) > 18 for word in words):
            raise invalid(_("%(text)r is no number"), text=(strange or words)[0][:40])
        return [int(word) for word in words if word]
