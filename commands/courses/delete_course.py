from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register
from commands.courses.criteria import LONGEST, CourseCommand, without
from commands.later import LaterCommand
from commands.validation import invalid
from tenants.models import Tenant


@register
class DeleteCourse(LaterCommand, AgentCommand, CourseCommand):
    """Delete every course that has a short name, an ID number or a full name.

    The first one that is given decides; the full name may be a pattern. What is
    deleted is listed first. It cannot be undone here: only the recycle bin of the
    site's category may keep a copy for a while. The front page is never deleted.

    Example of attributes: shortname=OLD-2019&delay=0&spread=0
    """

    operation = "delete_courses"
    dangerous = True
    patterns: ClassVar[frozenset[str]] = frozenset({"fullname"})

    shortname = forms.CharField(
        required=False,
        max_length=LONGEST["shortname"],
        help_text=_("Short name, exactly."),
    )
    idnumber = forms.CharField(
        required=False,
        max_length=LONGEST["idnumber"],
        help_text=_("ID number, exactly; if no short name is given."),
    )
    fullname = forms.CharField(
        required=False,
        max_length=LONGEST["fullname"],
        help_text=_(
            "Full name; '%' is any run of characters, '_' any one; if neither is given."
        ),
    )

    def clean_fullname(self) -> str:
        pattern: str = self.cleaned_data["fullname"]
        if pattern and not pattern.strip("%_ "):
            raise invalid(
                _("%(pattern)r fits every course: give a part of the name as well"),
                pattern=pattern,
            )
        return pattern

    def refusals(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        missing = without(tenants, "course", self.condition())
        return dict.fromkeys(missing, f"no course has {self.said()}")

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        column, value = self.criterion()
        return {"column": column, "value": value, "like": column in self.patterns}
