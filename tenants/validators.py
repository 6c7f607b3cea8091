"""What the registry accepts: names of databases, paths, forced settings."""

import re
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

identifier = RegexValidator(
    r"\A[A-Za-z0-9_]+(-[A-Za-z0-9_]+)*\Z",
    _("Use letters, digits, '_' and single '-' only."),
)
prefix = RegexValidator(
    r"\A[a-z][a-z0-9_]*\Z",
    _("A prefix is lower-case letters, digits and '_', beginning with a letter."),
)


def absolute_path(value: str) -> None:
    """Refuse what is not one plain absolute path below the root."""
    if (
        not value.startswith("/")
        or value.startswith("//")  # the same directory, to pathlib another
        or value != str(Path(value))
        or ".." in Path(value).parts
        or value == "/"
        or not value.isprintable()
    ):
        raise ValidationError(
            _("%(value)r is not a plain absolute path (no '..', no trailing slash)."),
            params={"value": value},
        )


def overlapping(column: str, path: str) -> models.Q:
    """Return the condition that a column's path is this one, or above or below it."""
    above = [path, *map(str, Path(path).parents)]
    below = models.Q(**{f"{column}__startswith": f"{path}/"})
    return models.Q(**{f"{column}__in": above}) | below


def clean_settings(value: object) -> None:
    """Refuse forced settings that Moodle could not take from `config.php`."""
    if not isinstance(value, dict) or not all(
        re.fullmatch(r"[a-z][a-z0-9_]*", key) for key in value
    ):
        raise ValidationError(
            _("Forced settings are one JSON object whose keys are Moodle's names.")
        )
