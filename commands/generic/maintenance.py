from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import get_text_list
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import CommandFailed, PhpScript, Steps, register
from commands.validation import invalid
from tenants import files
from tenants.models import Tenant


@register
class Maintenance(PhpScript, AgentCommand):
    """Switch the maintenance mode of the site on or off.

    While it is on, every page answers 503 and cron does not run. Without a choice
    the present state is printed and nothing changes. A message alone closes the site
    to users, and to administrators too with `hard`; the message OFF opens it.

    Example of attributes: enable=1, or: message=Back%20at%20noon&hard=1
    """

    script = "admin/cli/maintenance.php"
    heals = True
    frequent = True
    letters = {"disable": "x"}
    CHOICES = ("enable", "enablelater", "enableold", "disable")
    WITH_MESSAGE = ("enable", "enableold")

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

    message = forms.CharField(
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What visitors are told, as HTML; OFF opens the site."),
    )
    hard = forms.BooleanField(
        required=False, help_text=_("The message closes it to administrators too.")
    )

    not_options = ("message", "hard")

    def clean(self) -> None:
        given = [name for name in self.CHOICES if self.cleaned_data.get(name)]
        if len(given) > 1:
            raise invalid(
                _("Choose one of %(choices)s, not %(given)s"),
                choices=", ".join(self.CHOICES),
                given=get_text_list([*given], _("and")),
            )
        message = self.cleaned_data.get("message")
        if message and given and given[0] not in self.WITH_MESSAGE:
            raise invalid(_("A message does not go with %(option)s"), option=given[0])
        if self.cleaned_data.get("hard") and (not message or given or message == "OFF"):
            raise ValidationError(
                _("hard goes with a message, and with no other choice")
            )

    def run(self, tenant: Tenant) -> Steps:
        if message := self.cleaned_data["message"]:
            hard = self.cleaned_data["hard"] or self.cleaned_data["enable"]
            said = {"message": message, "hard": hard}
            opened = {"message": None, "hard": False}
            asked = opened if message == "OFF" else said
            return (yield from self.ask(tenant, "maintenance", asked))
        yield from super().run(tenant)
        # The script always exits 0: the file tells.
        closed = files.in_maintenance(tenant)
        if self.cleaned_data["enable"] and not closed:
            raise CommandFailed("the site did not enter maintenance mode")
        if self.cleaned_data["disable"] and closed:
            raise CommandFailed("the site did not leave maintenance mode")
        return {"maintenance": closed}
