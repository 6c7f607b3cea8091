from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, PhpScript, Steps, register
from tenants import files
from tenants.models import Tenant


@register
class Maintenance(PhpScript):
    """Switch the maintenance mode of the site on or off.

    While it is on, every page answers 503 and cron does not run. Without a choice
    the present state is printed and nothing changes.

    Example of attributes: enable=1
    """

    script = "admin/cli/maintenance.php"
    heals = True
    frequent = True
    letters = {"disable": "x"}
    CHOICES = ("enable", "enablelater", "enableold", "disable")

    enable = forms.BooleanField(required=False, help_text=_("Switch it on now."))
    enablelater = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1440,
        help_text=_("Switch it on after so many minutes."),
    )
    enableold = forms.BooleanField(
        required=False,
        help_text=_("Close the site to users but leave it open to administrators."),
    )
    disable = forms.BooleanField(required=False, help_text=_("Switch it off."))

    def clean(self) -> None:
        given = [name for name in self.CHOICES if self.cleaned_data.get(name)]
        if len(given) > 1:
            raise ValidationError(
                f"Choose one of {', '.join(self.CHOICES)}, not {' and '.join(given)}"
            )

    def run(self, tenant: Tenant) -> Steps:
        yield from super().run(tenant)
        # The script always exits 0: the file tells.
        closed = files.in_maintenance(tenant)
        if self.cleaned_data["enable"] and not closed:
            raise CommandFailed("the site did not enter maintenance mode")
        if self.cleaned_data["disable"] and closed:
            raise CommandFailed("the site did not leave maintenance mode")
        return {"maintenance": closed}
