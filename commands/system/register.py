from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import CommandFailed, Json, Steps, register
from commands.scheduled import TaskScript
from tenants import moodledb
from tenants.models import Tenant


@register
class Register(TaskScript, AgentCommand):
    """Bring the site's registration at moodle.org up to date.

    Only an administrator of the site can register it for the first time, in a
    browser. With `reset_hub_infos` the site forgets its registration instead and gets
    a new identity, as a copy of another site needs; its caches are purged.

    Example of attributes: protected=1
    """

    task = r"\core\task\registration_cron_task"
    operation = "reset_registration"
    letters = {"reset_hub_infos": "r", "protected": "p"}
    not_options = ("reset_hub_infos", "protected")

    reset_hub_infos = forms.BooleanField(
        required=False, help_text=_("Forget the registration and change identity.")
    )
    protected = forms.BooleanField(
        required=False,
        help_text=_("Publish the name of the site only, without a link to it."),
    )

    def clean(self) -> None:
        if self.cleaned_data["reset_hub_infos"] and self.cleaned_data["protected"]:
            raise ValidationError(_("Choose one of reset_hub_infos and protected"))

    def is_dangerous(self) -> bool:
        return bool(self.cleaned_data["reset_hub_infos"])

    def run(self, tenant: Tenant) -> Steps:
        if self.cleaned_data["reset_hub_infos"]:
            return (yield from self.ask(tenant, self.operation, {}))
        if not self._updated(tenant):
            raise CommandFailed(
                "the site is not registered: its administrator must do that once, at "
                f"{tenant.wwwroot}/admin/registration/index.php"
            )
        if self.cleaned_data["protected"]:
            setting = ["--component=hub", "--name=site_privacy", "--set=named"]
            yield from self.call(tenant, "admin/cli/cfg.php", setting)
        return (yield from super().run(tenant))

    def prove(self, tenant: Tenant, code: int) -> Json:
        super().prove(tenant, code)
        if self._updated(tenant) < self.since:
            raise CommandFailed(
                "moodle.org was not told: the site's administrator must first agree to "
                f"new data, at {tenant.wwwroot}/admin/registration/index.php"
            )
        return {"updated": self._updated(tenant)}

    def _updated(self, tenant: Tenant) -> int:
        """Return when the registration was last updated, 0 if there is none."""
        table = moodledb.table(tenant, "registration_hubs")
        sql = f"SELECT MAX(timemodified) FROM {table} WHERE confirmed = 1"  # noqa: S608
        return int(moodledb.query(tenant.server, sql)[0][0] or 0)
