from typing import ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import Steps, register
from commands.courses.criteria import LONGEST, CourseCommand
from tenants import moodledb
from tenants.models import Tenant

MOST = 1000  # courses told of one tenant


@register
class CheckCourse(CourseCommand):
    """Search for courses by short name, ID number or full name.

    The first one that is given decides. Reads the site's database and changes
    nothing.

    Example of attributes: shortname=MATH%25
    """

    exclusive = False
    patterns: ClassVar[frozenset[str]] = frozenset(LONGEST)

    shortname = forms.CharField(
        required=False,
        max_length=LONGEST["shortname"],
        help_text=_("Short name; '%' is any run of characters, '_' any one."),
    )
    idnumber = forms.CharField(
        required=False,
        max_length=LONGEST["idnumber"],
        help_text=_("ID number, with the same wildcards; if no short name is given."),
    )
    fullname = forms.CharField(
        required=False,
        max_length=LONGEST["fullname"],
        help_text=_("Full name, with the same wildcards; if neither is given."),
    )

    def run(self, tenant: Tenant) -> Steps:
        where, values = self.condition()
        found = moodledb.query(
            tenant.server,
            "SELECT shortname, fullname, idnumber "  # noqa: S608
            f"FROM {moodledb.table(tenant, 'course')} WHERE {where} "
            "ORDER BY fullname, id LIMIT %s",
            [*values, MOST + 1],
        )
        for short, full, number in found[:MOST]:
            yield f"[{short}] {full} ({number})"
        if not found:
            yield f"No course has {self.said()}"
        return {
            "columns": ["shortname", "fullname", "idnumber"],
            "rows": [list(row) for row in found[:MOST]],
            "truncated": len(found) > MOST,
        }
