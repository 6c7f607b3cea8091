import time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register
from commands.system.numbers import NumbersField
from commands.validation import invalid
from tenants.models import Tenant


@register
class RemoveCourses(AgentCommand):
    """Delete the courses of categories, or one course.

    Sub-categories are emptied first, and deleted when nothing is left in them. It
    cannot be undone; `dryrun` only tells what would be deleted.

    Example of attributes: category=7&hours=2&dryrun=1
    """

    operation = "remove_courses"
    letters = {"category": "C", "courseid": "c", "ignorecourses": "i"}
    CHOICES = ("category", "categories", "courseid")

    category = forms.IntegerField(  # type: ignore[assignment] # the name PHP has
        required=False, min_value=1, help_text=_("Number of a category to empty.")
    )
    categories = NumbersField(
        required=False,
        help_text=_("Numbers of categories to empty and delete, by commas."),
    )
    courseid = forms.IntegerField(
        required=False, min_value=2, help_text=_("Number of a course to delete.")
    )
    ignorecourses = NumbersField(
        required=False, help_text=_("Numbers of courses to leave, by commas.")
    )
    hours = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=24,
        help_text=_("Begin with no further course after so many hours."),
    )
    dryrun = forms.BooleanField(
        required=False, help_text=_("Only tell what would be deleted.")
    )

    def clean(self) -> None:
        given = [name for name in self.CHOICES if self.cleaned_data.get(name)]
        if not self.errors and len(given) != 1:
            raise invalid(_("Give one of %(choices)s"), choices=", ".join(self.CHOICES))

    def is_dangerous(self) -> bool:
        return not self.cleaned_data["dryrun"]

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        hours = self.cleaned_data["hours"]
        until = int(time.time()) + hours * 3600 if hours else 0
        return {**self.cleaned_data, "until": until}
