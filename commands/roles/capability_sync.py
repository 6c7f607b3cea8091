from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import register
from commands.roles.sync import Sync
from tenants.models import Tenant


@register
class CapabilitySync(Sync):
    """Give a role one capability as it has it on another site.

    In the system context: allow, prevent, prohibit, or not set. A site that has no such
    capability fails.

    Example of attributes: role=teacher&capability=mod/quiz:preview
    """

    formerly = "Role_Capability_Sync"

    cells = create = None  # type: ignore[assignment] # one cell of each site

    capability = forms.RegexField(
        r"\A[a-z0-9_]+/[a-z0-9_]+:[a-z0-9_]+\Z",
        max_length=255,
        help_text=_("Its name, such as mod/quiz:preview."),
        error_messages={"invalid": _("A capability is named as mod/quiz:preview.")},
    )

    def picked(self, tenant: Tenant) -> frozenset[str] | None:
        return frozenset([self.cleaned_data["capability"]])
