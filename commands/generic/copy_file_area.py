import re
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands import agent
from commands.base import CommandFailed, register
from commands.source import SourceCommand
from commands.validation import invalid
from tenants.models import Tenant

NAME, ITEM = "[a-z][a-z0-9_]*", r"[0-9]{1,18}|\*"
FORMS = (
    rf"(?P<component>{NAME})/(?P<filearea>{NAME})[/:](?P<itemid>{ITEM})",
    rf"(?P<component>{NAME})/(?P<itemid>{ITEM})/(?P<filearea>{NAME})",
)

NOTHING = _("%(site)s has %(number)s files in %(area)s: there is nothing to copy")
BEHIND = _(
    "%(site)s has %(number)s files in %(area)s, and %(skip)s are to be left out: there "
    "is nothing to copy"
)


@register
class CopyFileArea(SourceCommand, agent.AgentCommand):
    """Copy a file area of the site's own from one tenant to others, or nothing of it.

    Files that are already there with the same content stay as they are, so a copy that
    was cut off goes on where it stopped. Other files of the area stay too, unless
    `prune` deletes them.

    Example of attributes: fileareaid=mod_h5p%2Flibraries%3A0
    """

    operation = "put_files"

    fileareaid = forms.CharField(
        max_length=255,
        label=_("File area"),
        help_text=_("COMPONENT/AREA/ITEM, such as core_h5p/libraries/0; ITEM *: all."),
    )
    skipfiles = forms.IntegerField(
        required=False,
        min_value=1,
        help_text=_("Leave out so many files, in the order of their item and path."),
    )
    prune = forms.BooleanField(
        required=False, help_text=_("Delete files that the source does not have.")
    )

    def clean_fileareaid(self) -> dict[str, Any]:
        text = self.cleaned_data["fileareaid"]
        for form in FORMS:
            if found := re.fullmatch(form, text):
                area = found.groupdict()
                return {k: v for k, v in area.items() if v != "*"}
        raise invalid(
            _(
                "%(text)r is no file area: write COMPONENT/AREA/ITEM, "
                "COMPONENT/AREA:ITEM or COMPONENT/ITEM/AREA"
            ),
            text=text[:80],
        )

    def clean(self) -> None:
        if self.cleaned_data.get("prune") and self.cleaned_data.get("skipfiles"):
            raise ValidationError(
                _("Choose skipfiles or prune: what is left out would be deleted")
            )

    def read(self, source: Tenant) -> dict[str, Any]:
        found = agent.read(source, "list_files", self.cleaned_data["fileareaid"])
        skip = self.cleaned_data["skipfiles"] or 0
        if (number := len(found["files"])) <= skip:
            raise CommandFailed(
                (BEHIND if skip else NOTHING)
                % {
                    "site": source.wwwroot,
                    "number": number,
                    "area": self["fileareaid"].data,
                    "skip": skip,
                }
            )
        return {"filedir": found["filedir"], "files": found["files"][skip:]}

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        area = self.cleaned_data["fileareaid"] if self.cleaned_data["prune"] else None
        return {**cast(dict[str, Any], self.material), "prune": area}
