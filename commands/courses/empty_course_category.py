from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register
from commands.courses.criteria import category_field, no_category
from commands.later import LaterCommand
from tenants.models import Tenant


@register
class EmptyCourseCategory(LaterCommand, AgentCommand):
    """Delete all that is in a course category, and keep the category.

    Its courses go, and its sub-categories with theirs. What is deleted is listed
    first. It cannot be undone here: only the site's recycle bin may keep a copy of
    the category's own courses for a while.

    Example of attributes: idnumber=PLAYGROUND&delay=0&spread=0
    """

    operation = "delete_category"
    dangerous = True

    idnumber = category_field(_("ID number of the category."))

    def refusals(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        return no_category(tenants, self.cleaned_data["idnumber"])

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        return {"idnumber": self.cleaned_data["idnumber"], "keep": True}
