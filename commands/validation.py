"""What is wrong with what somebody gave, in sentences of the reader's language."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

UNSPLIT = {  # by what shlex says
    "No closing quotation": _("No closing quotation"),
    "No escaped character": _("No escaped character"),
}


def unsplit(error: ValueError) -> Any:
    """Return why shlex could not split a text into words."""
    return UNSPLIT.get(str(error), error)


def invalid(sentence: Any, **params: Any) -> ValidationError:
    """Return the error of a sentence with `%(name)s` in it, in the reader's words."""
    return ValidationError(sentence, params=params)


def kept() -> override:
    """Let what is said within be English: it is kept, or printed, for every reader."""
    return override("en")


def sentences(form: forms.BaseForm, told: Callable[[str], str] = str) -> list[str]:
    """Return what is wrong with a form, each with its field, as it is told."""
    return [
        str(error)
        if name == "__all__"
        else _("%(field)s: %(error)s") % {"field": told(name), "error": error}
        for name, errors in form.errors.items()
        for error in errors
    ]
