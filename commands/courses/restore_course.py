from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands import agent
from commands.agent import AgentCommand
from commands.base import CommandFailed, Steps, register
from commands.courses.criteria import LONGEST, VisibleField, category_field
from commands.later import LaterCommand
from commands.validation import invalid
from tenants import moodledb
from tenants.models import Tenant
from tenants.php import PhpError

ENROL = [
    ("none", _("nobody")),
    ("managers", _("the site's managers")),
    ("siteadmins", _("the site's administrators")),
    ("adminsandmanagers", _("administrators and managers")),
]


@register
class RestoreCourse(LaterCommand, AgentCommand):
    """Restore a course from a backup file into a category.

    Nothing may have the short name or the ID number yet. Whatever fails, no half
    course is left: until all is done it is hidden, under a name of its own.

    Example of attributes: location=/srv/mbz/algebra.mbz&shortname=ALG-7&catidnumber=Y7
    """

    operation = "restore_course"

    shortname = forms.CharField(
        max_length=LONGEST["shortname"], help_text=_("Short name of the new course.")
    )
    fullname = forms.CharField(
        required=False,
        max_length=LONGEST["fullname"],
        help_text=_("Full name; empty: the one in the backup."),
    )
    idnumber = forms.CharField(
        required=False,
        max_length=LONGEST["idnumber"],
        help_text=_("ID number; empty: none."),
    )
    catidnumber = category_field(_("ID number of the category to restore into."))
    location = forms.CharField(
        max_length=1000,
        help_text=_(
            "Path of the backup, a .mbz file that the web server's user can read."
        ),
    )
    visible = VisibleField(_("Whether students see the course; 1 or 0."))
    enroladmins = forms.ChoiceField(
        choices=ENROL,
        initial="managers",
        help_text=_(
            "Who is enrolled as a teacher: none, managers, siteadmins or "
            "adminsandmanagers."
        ),
    )
    seed = forms.RegexField(
        r"\A[0-9]{1,9}\Z",
        required=False,
        help_text=_("Number of the deployment, part of the name until all is done."),
    )

    def clean_location(self) -> str:
        path: str = self.cleaned_data["location"]
        if not path.startswith("/") or not path.lower().endswith(".mbz"):
            raise invalid(
                _("%(path)r is not the full path of a backup: /…/name.mbz is"),
                path=path,
            )
        try:
            if not Path(path).is_file():
                raise invalid(_("There is no file %(path)s"), path=path)
        except OSError:
            pass  # not ours to look at: the web server's user will
        return path

    def refusals(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        given = self.cleaned_data

        def parts(tenant: Tenant) -> list[moodledb.Part]:
            tables = ("course_categories", "course", "course")
            columns = ("idnumber", "shortname", "idnumber")
            counts = (
                f"(SELECT COUNT(*) FROM {moodledb.table(tenant, name)} "  # noqa: S608
                f"WHERE {column} = %s)"
                for name, column in zip(tables, columns, strict=True)
            )
            values = [given["catidnumber"], given["shortname"], given["idnumber"]]
            return [(", ".join(counts), values)]

        found = moodledb.each(tenants, parts)
        return {
            pk: why
            for pk, rows in found.items()
            if not isinstance(rows, moodledb.MoodleDbError)
            and (why := self._refusal(*rows[0]))
        }

    def _refusal(self, categories: int, courses: int, numbers: int) -> str:
        given = self.cleaned_data
        if not categories:
            return f"no category has the ID number {given['catidnumber']!r}"
        if courses:
            return f"a course has the short name {given['shortname']!r} already"
        if numbers and given["idnumber"]:
            return f"a course has the ID number {given['idnumber']!r} already"
        return ""

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        return {**super().payload(tenant), "marker": self.marker()}

    def marker(self) -> str:
        """Return the short name that the course has until all is done."""
        seed = self.cleaned_data["seed"]
        return f"vmoodle-restore-{self.job}" + (f"-{seed}" if seed else "")

    def run(self, tenant: Tenant) -> Steps:
        try:
            return (yield from super().run(tenant))
        except (CommandFailed, PhpError, GeneratorExit) as error:
            try:
                self.recover(tenant)
            except (CommandFailed, PhpError) as failure:
                raise CommandFailed(
                    f"{error}; what was restored of it is still there: {failure}"
                ) from error
            raise

    def recover(self, tenant: Tenant) -> None:
        """Delete what was restored so far, in a PHP that knows nothing of it."""
        agent.read(tenant, "abandon_restore", {"marker": self.marker()})
