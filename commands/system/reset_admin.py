from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register


@register
class ResetAdmin(AgentCommand):
    """Give the site a working administrator 'admin' with a new password.

    The account is confirmed and let in again, and brought back or made anew when it
    is gone. It is added to the site's administrators; nobody is taken off their list.
    Moodle's password policy is heeded.

    Example of attributes: email=tech@example.org
    """

    operation = "reset_admin"
    letters = {"password": "p"}

    password = forms.CharField(
        max_length=128,
        strip=False,
        widget=forms.PasswordInput,
        help_text=_("The new password."),
        error_messages={
            "required": _("Give the new one: in a shell at a prompt or from a file.")
        },
    )
    firstname = forms.CharField(
        required=False, max_length=100, help_text=_("First name; empty: leave it.")
    )
    lastname = forms.CharField(
        required=False, max_length=100, help_text=_("Last name; empty: leave it.")
    )
    email = forms.EmailField(
        required=False,
        max_length=100,
        help_text=_("E-mail address; needed where the account must be made."),
    )
