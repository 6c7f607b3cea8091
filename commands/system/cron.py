from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, NothingToDo, Steps, register
from commands.models import CronPass
from commands.proven import ProvenScript
from tenants.models import Tenant

COMPLETED = ("Cron run completed correctly", "Cron script completed correctly")
BUSY = "Concurrency limit reached"


@register
class Cron(ProvenScript):
    """Run the site's cron once: what is due now, without waiting for more.

    Fails when a task fails, which Moodle's own script does not tell.

    Example of attributes: force=1
    """

    script = "admin/cli/cron.php"
    # As the site's own cron would: it keeps no other command waiting.
    exclusive = False
    heeds = rf"^(Scheduled|Adhoc) task failed: |{BUSY}|{'|'.join(COMPLETED)}"
    OTHERS = ("stop", "list", "enable", "disable", "disable_wait")

    force = forms.BooleanField(
        required=False, help_text=_("Also if the site's cron is disabled.")
    )
    stop = forms.BooleanField(
        required=False,
        help_text=_("Only ask running crons to stop after their present task."),
    )
    list = forms.BooleanField(
        required=False, help_text=_("Only list the tasks that run now.")
    )
    enable = forms.BooleanField(required=False, help_text=_("Only enable cron."))
    disable = forms.BooleanField(required=False, help_text=_("Only disable cron."))
    disable_wait = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=86400,
        help_text=_("Only disable cron, and wait so many seconds for running tasks."),
    )

    def run(self, tenant: Tenant) -> Steps:
        # Moodle 4.1 has no such option, and never waits for more.
        if tenant.release.branch not in {"401", "400", "311", "310", "39"}:
            self.fixed = ("--keep-alive=0",)
        if not any(self.cleaned_data[name] for name in self.OTHERS):
            CronPass.begin(tenant)
        return (yield from super().run(tenant))

    def prove(self, tenant: Tenant, code: int) -> Json:
        if any(self.cleaned_data[name] for name in self.OTHERS):
            return {"exit_code": code}
        completed = any(line in COMPLETED for line in self.heard)
        # Both kinds of tasks: then this pass has looked at nothing.
        busy = sum(BUSY in line for line in self.heard) == 2
        if completed and not busy:
            CronPass.complete(tenant)
        failures = [line for line in self.heard if "task failed: " in line]
        if failures:
            raise CommandFailed(
                f"{len(failures)} tasks failed, the first of them: "
                f"{failures[0].partition(': ')[2]}"
            )
        if not completed:
            raise CommandFailed("cron ended before it had completed its run")
        if busy:
            raise NothingToDo("as many crons as the site allows are at work already")
        return {"exit_code": code}
