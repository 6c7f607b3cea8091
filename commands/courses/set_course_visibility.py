from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register
from commands.courses.criteria import LONGEST, VisibleField


@register
class SetCourseVisibility(AgentCommand):
    """Show or hide a course.

    Example of attributes: idnumber=MATH-7A&visible=0
    """

    operation = "set_course_visibility"

    idnumber = forms.CharField(
        max_length=LONGEST["idnumber"], help_text=_("ID number of the course.")
    )
    visible = VisibleField(_("Whether students see it; 1 or 0."))
