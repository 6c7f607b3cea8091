from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register
from commands.courses.criteria import VisibleField, category_field


@register
class SetCategoryVisibility(AgentCommand):
    """Show or hide a course category, and with it all that is below.

    As on Moodle's own page: courses and sub-categories follow, and come back as they
    were when the category is shown again.

    Example of attributes: idnumber=ARCHIVE-2019&visible=0
    """

    operation = "set_category_visibility"

    idnumber = category_field(_("ID number of the category."))
    visible = VisibleField(_("Whether users see it; 1 or 0."))
