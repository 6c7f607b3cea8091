from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register
from commands.courses.criteria import LONGEST, VisibleField
from commands.validation import invalid
from tenants.models import Tenant

LONGEST_NAME = 255  # characters of a category's name in Moodle


@register
class CreateCategory(AgentCommand):
    """Create a course category, with those above it that are missing.

    The path is walked level by level from the top. If the whole path is there, the
    last category gets the ID number, when one is given, and the visibility.

    Example of attributes: path=Year 7/Science&idnumber=Y7-SCI
    """

    operation = "create_category"

    path = forms.CharField(
        max_length=2000,
        help_text=_("Names of categories from the top, separated by '/'."),
    )
    idnumber = forms.CharField(
        required=False,
        max_length=LONGEST["idnumber"],
        help_text=_("ID number of the last one; empty: leave it."),
    )
    visible = VisibleField(_("Whether users see the last one; 1 or 0."))

    def clean_path(self) -> list[str]:
        names = [
            name.strip() for name in self.cleaned_data["path"].strip("/ ").split("/")
        ]
        if "" in names:
            raise ValidationError(_("A name of the path is empty"))
        if long := [name for name in names if len(name) > LONGEST_NAME]:
            raise invalid(
                _(
                    "%(name)r… is too long for a category: %(most)s characters are "
                    "the most"
                ),
                name=long[0][:40],
                most=LONGEST_NAME,
            )
        return names

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        return self.cleaned_data
