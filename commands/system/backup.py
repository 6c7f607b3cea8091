from collections.abc import Sequence

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, Steps, register
from commands.proven import ProvenScript
from commands.validation import invalid
from tenants import files, moodledb
from tenants.models import Tenant

NAME = "{shortname}"  # in a destination: that of the tenant


@register
class Backup(ProvenScript):
    """Back up one course of the site, with its users, into a file.

    Without a destination the file is kept in the course's own backup area. In a
    destination `{shortname}` stands for the short name of the tenant.

    Example of attributes: courseshortname=maths&destination=/backups/{shortname}
    """

    script = "admin/cli/backup.php"
    heeds = r"^Writing /|^Backup completed"

    courseid = forms.IntegerField(
        required=False, min_value=1, help_text=_("Number of the course.")
    )
    courseshortname = forms.CharField(
        required=False, max_length=255, help_text=_("Or short name of the course.")
    )
    destination = forms.RegexField(
        r"^/[^\0\n]*$",
        required=False,
        max_length=255,
        help_text=_("Directory on this machine for the file; it is made if need be."),
    )

    def clean(self) -> None:
        course = [self.cleaned_data.get(n) for n in ("courseid", "courseshortname")]
        if len([value for value in course if value]) != 1:
            raise ValidationError(
                _("Name one course, by courseid or by courseshortname")
            )

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        destination = self.cleaned_data["destination"]
        if destination and NAME not in destination and len(tenants) > 1:
            raise invalid(
                _(
                    "destination: put %(name)s into it, which stands for the tenant's "
                    "own: files of several sites may have the same name"
                ),
                name=NAME,
            )
        return {}

    def run(self, tenant: Tenant) -> Steps:
        self.directory = self.cleaned_data["destination"].replace(
            NAME, tenant.shortname
        )
        if self.directory:
            files.make_directory(self.directory)
        return (yield from super().run(tenant))

    def options(self) -> list[str]:
        self.cleaned_data["destination"] = self.directory
        return super().options()

    def prove(self, tenant: Tenant, code: int) -> Json:
        if not any(line.startswith("Backup completed") for line in self.heard):
            raise CommandFailed("no backup was made: the output tells why")
        if self.directory:
            path = self.heard[0].removeprefix("Writing ")
            return {"file": path, "bytes": files.size(path)}
        return self._stored(tenant)

    def _stored(self, tenant: Tenant) -> Json:
        """Return the file that has come into the course's backup area."""
        table = {n: moodledb.table(tenant, n) for n in ("files", "context", "course")}
        rows = moodledb.query(
            tenant.server,
            f"SELECT f.filename, f.filesize FROM {table['files']} f"  # noqa: S608
            f" JOIN {table['context']} c ON c.id = f.contextid AND c.contextlevel = 50"
            f" JOIN {table['course']} k ON k.id = c.instanceid"
            " WHERE f.component = 'backup' AND f.filearea = 'course'"
            " AND f.filename <> '.' AND f.timecreated >= %s"
            " AND (k.id = %s OR k.shortname = %s) ORDER BY f.id DESC LIMIT 1",
            [
                self.since,
                self.cleaned_data["courseid"] or 0,
                self.cleaned_data["courseshortname"] or None,
            ],
        )
        if not rows:
            raise CommandFailed("the course's backup area has no new file")
        return {"file": rows[0][0], "bytes": int(rows[0][1])}
