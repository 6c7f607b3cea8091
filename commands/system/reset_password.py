from collections.abc import Sequence

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, register
from commands.proven import ProvenScript
from tenants import php
from tenants.models import Tenant


@register
class ResetPassword(ProvenScript):
    """Give a user of the site a new password.

    Only accounts of the site's own (manual authentication). Sessions that are open
    go on. The password goes to Moodle on standard input, so no list of processes
    shows it.

    Example of attributes: username=admin
    """

    script = "admin/cli/reset_password.php"
    heeds = "Password changed$"
    not_options = ("password",)
    letters = {"username": "u", "password": "p", "ignore_password_policy": "i"}

    username = forms.CharField(
        max_length=100, help_text=_("Name the user logs in with.")
    )
    password = forms.CharField(
        max_length=128,
        strip=False,
        widget=forms.PasswordInput,
        help_text=_("The new password."),
        error_messages={
            "required": _("Give the new one: in a shell at a prompt or from a file.")
        },
    )
    ignore_password_policy = forms.BooleanField(
        required=False, help_text=_("Also one that is weaker than the site allows.")
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if password != password.strip() or not password.isprintable():
            raise ValidationError(
                _(
                    "It cannot begin or end with a space, nor hold control characters: "
                    "Moodle would leave them out"
                )
            )
        return password

    def call(
        self, tenant: Tenant, script: str, options: Sequence[str], stdin: str = ""
    ) -> php.Lines:
        return super().call(
            tenant, script, options, stdin=f"{self.cleaned_data['password']}\n"
        )

    def prove(self, tenant: Tenant, code: int) -> Json:
        if not self.heard:
            raise CommandFailed("the password was not changed: the output tells why")
        return {"username": self.cleaned_data["username"]}
