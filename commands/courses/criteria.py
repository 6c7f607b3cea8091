"""What commands of this category mean: which courses, which category, shown or not."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import Command
from commands.validation import invalid
from tenants import moodledb
from tenants.models import Tenant

LONGEST = {"shortname": 255, "idnumber": 100, "fullname": 254}  # Moodle's columns


class CourseCommand(Command):
    """Finds courses by the first of the three that is given; never the front page."""

    patterns: ClassVar[frozenset[str]] = frozenset()  # those that are LIKE patterns

    shortname = forms.CharField(required=False, max_length=LONGEST["shortname"])
    idnumber = forms.CharField(required=False, max_length=LONGEST["idnumber"])
    fullname = forms.CharField(required=False, max_length=LONGEST["fullname"])

    def clean(self) -> None:
        if not self.errors and not any(self.cleaned_data[name] for name in LONGEST):
            raise invalid(_("Give one of %(choices)s"), choices=", ".join(LONGEST))

    def criterion(self) -> tuple[str, str]:
        """Return the column that decides, and what it must be."""
        given = ((name, self.cleaned_data[name]) for name in LONGEST)
        return next((name, value) for name, value in given if value)

    def condition(self) -> moodledb.Part:
        """Return what follows WHERE, and its values. Case counts, as in Moodle."""
        column, value = self.criterion()
        how = "LIKE" if column in self.patterns else "="
        return f"category <> 0 AND {column} {how} %s COLLATE utf8mb4_bin", [value]

    def said(self) -> str:
        column, value = self.criterion()
        how = "like" if column in self.patterns else "="
        return f"{column} {how} {value!r}"


def category_field(text: Any) -> forms.CharField:
    return forms.CharField(max_length=LONGEST["idnumber"], help_text=text)


class VisibleField(forms.TypedChoiceField):
    """Yes unless told otherwise; a checkbox could not be told so in a querystring."""

    def __init__(self, help_text: Any) -> None:
        super().__init__(
            choices=[("1", _("yes")), ("0", _("no"))],
            coerce=int,
            initial="1",
            help_text=help_text,
        )


def without(
    tenants: Sequence[Tenant], table: str, condition: moodledb.Part
) -> list[int]:
    """Return the pks of tenants whose table has no such row; not of unread ones."""
    where, values = condition

    def parts(tenant: Tenant) -> list[moodledb.Part]:
        name = moodledb.table(tenant, table)
        return [(f"COUNT(*) FROM {name} WHERE {where}", values)]

    found = moodledb.each(tenants, parts)
    return [pk for pk, rows in found.items() if rows == [(0,)]]


def no_category(tenants: Sequence[Tenant], idnumber: str) -> dict[int, str]:
    """Return, by tenant pk, the sentence for those without this course category."""
    where = "idnumber = %s COLLATE utf8mb4_bin"
    missing = without(tenants, "course_categories", (where, [idnumber]))
    return dict.fromkeys(missing, f"no category has the ID number {idnumber!r}")
