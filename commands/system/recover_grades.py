from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register


@register
class RecoverGrades(AgentCommand):
    """Give enrolled users back the grades that the history of a course has of them.

    As Moodle does when somebody is enrolled again; users who have a grade in the
    course are left alone.

    Example of attributes: courseid=12
    """

    operation = "recover_grades"
    letters = {"userid": "u", "courseid": "c"}

    userid = forms.IntegerField(
        required=False, min_value=1, help_text=_("Only this user; empty: all enrolled.")
    )
    courseid = forms.IntegerField(
        required=False, min_value=2, help_text=_("Only this course; empty: all.")
    )
