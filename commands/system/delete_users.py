import re
import time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register
from commands.system.numbers import NumbersField
from commands.validation import invalid
from tenants.models import Tenant

RULE = re.compile(
    r"(equals|matche?s?|isset|notisset|hasrole|nothasrole):(\w+)(?::(.*))?"
)
WITHOUT_VALUE = ("isset", "notisset")


@register
class DeleteUsers(AgentCommand):
    """Delete, suspend or unsuspend the users that fit all of some rules.

    Only tells whom it would be, unless `run` is given. A deletion cannot be undone.
    Administrators and the guest are never touched.

    Example of attributes: action=suspend&rules=equals:auth:ldap|isset:idnumber
    """

    operation = "delete_users"
    letters = {"action": "a", "rules": "R", "ignoreusers": "i", "run": "r"}

    action = forms.ChoiceField(
        choices=[
            ("delete", _("Delete them")),
            ("suspend", _("Suspend them")),
            ("unsuspend", _("Unsuspend them")),
        ],
        help_text=_("delete, suspend or unsuspend."),
    )
    rules = forms.CharField(
        max_length=2000,
        help_text=_(
            "type:field:value, several separated by '|', all of which must fit. Types: "
            "equals, matches (a regular expression), isset, notisset, and hasrole and "
            "nothasrole with the field site and a role's short name, or *."
        ),
    )
    ignoreusers = NumbersField(
        required=False, help_text=_("Numbers of users to leave, by commas.")
    )
    hours = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=24,
        help_text=_("Begin with no further user after so many hours."),
    )
    run = forms.BooleanField(  # type: ignore[assignment] # the name PHP has
        required=False, help_text=_("Really do it.")
    )

    def clean_rules(self) -> list[dict[str, str]]:
        rules = []
        for text in self.cleaned_data["rules"].split("|"):
            found = RULE.fullmatch(text.strip())
            if not found or (found[1] not in WITHOUT_VALUE and not found[3]):
                raise invalid(
                    _("%(text)r is no rule: type:field:value is"), text=text[:80]
                )
            kind = "matches" if found[1].startswith("match") else found[1]
            if "role" in kind and found[2] != "site":
                raise invalid(
                    _("%(text)r: only roles of the site are known"), text=text[:80]
                )
            rules.append({"type": kind, "field": found[2], "value": found[3] or ""})
        return rules

    def is_dangerous(self) -> bool:
        return bool(self.cleaned_data["run"])

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        hours = self.cleaned_data["hours"]
        until = int(time.time()) + hours * 3600 if hours else 0
        return {**self.cleaned_data, "until": until}
