from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, register
from commands.proven import ProvenScript
from tenants.models import Tenant

SIZES = ("XS", "S", "M", "L", "XL", "XXL")


@register
class MakeTestPlan(ProvenScript):
    """Make a JMeter test plan for a course, and the file of the users it needs.

    The site must have `tool_generator_users_password` among its forced settings. The
    two addresses that are printed are where to download them as an administrator.

    Example of attributes: shortname=testcourse_1&size=S&bypasscheck=1
    """

    script = "admin/tool/generator/cli/maketestplan.php"
    heeds = r"^https?://\S+/pluginfile\.php"

    shortname = forms.CharField(
        max_length=255, help_text=_("Short name of the course to test.")
    )
    size = forms.ChoiceField(
        choices=[(size, size) for size in SIZES],
        help_text=_("How large the plan shall be: XS, S, M, L, XL or XXL."),
    )
    bypasscheck = forms.BooleanField(
        required=False, help_text=_("Also on a site that is not in developer mode.")
    )
    updateuserspassword = forms.BooleanField(
        required=False,
        help_text=_("Give the course's users the password of the forced settings."),
    )

    def prove(self, tenant: Tenant, code: int) -> Json:
        if len(self.heard) != 2:
            raise CommandFailed("the script ended without naming plan and users' file")
        return {"plan": self.heard[0], "users": self.heard[1]}
