import re
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from commands import agent
from commands.base import CommandFailed, register
from commands.source import SourceCommand
from commands.validation import invalid
from tenants.models import Tenant

NAME = "[a-z][a-z0-9_]*"
PATH = re.compile(
    rf"(?P<component>{NAME})/(?P<filearea>{NAME})/(?P<itemid>[0-9]{{1,18}})"
    r"(?P<filepath>/(?:[^/]+/)*)(?P<filename>[^/]+)"
)


@register
class CopyFile(SourceCommand, agent.AgentCommand):
    """Copy one file of the site's own from one tenant to others.

    It replaces the file of the same name in the same file area. A file with the same
    content is left as it is.

    Example of attributes: fileid=core_admin/logo/0/logo.png
    """

    operation = "put_files"

    fileid = forms.CharField(
        max_length=1000,
        label=_("File"),
        help_text=_("Its id at the source, or COMPONENT/AREA/ITEM/PATH/NAME."),
    )

    def clean_fileid(self) -> dict[str, Any]:
        text = self.cleaned_data["fileid"]
        if re.fullmatch("[0-9]{1,18}", text):
            return {"id": text}
        found = PATH.fullmatch(text)
        if not found or {".", ".."} & set(text.split("/")) or not text.isprintable():
            raise invalid(
                _(
                    "%(text)r is no file: give its id at the source, or "
                    "COMPONENT/AREA/ITEM/PATH/NAME"
                ),
                text=text[:80],
            )
        return found.groupdict()

    def read(self, source: Tenant) -> dict[str, Any]:
        found: dict[str, Any] = agent.read(
            source, "list_files", self.cleaned_data["fileid"]
        )
        if not found["files"]:
            raise CommandFailed(
                _("%(site)s has no such file among those of the site itself: %(file)s")
                % {"site": source.wwwroot, "file": self["fileid"].data}
            )
        return found

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        return {**cast(dict[str, Any], self.material), "prune": None}
