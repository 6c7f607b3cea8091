from collections import Counter

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import Command, CommandFailed, Steps, register
from tenants import checks
from tenants.models import Tenant


@register
class Check(Command):
    """Check whether all that the site needs is there, and say what to do if not.

    Its database by its own account, its tables, its data directory, its host name, its
    published files, its login page, and Moodle's own checks. Nothing is changed. The
    tenant's page shows the last result.

    Example of attributes: quick=1
    """

    exclusive = False
    heals = True
    frequent = True

    quick = forms.BooleanField(
        required=False, help_text=_("Leave out Moodle's own checks, which start PHP.")
    )

    def run(self, tenant: Tenant) -> Steps:
        findings = []
        for check in checks.QUICK:
            findings.append(check(tenant))
            yield f"{findings[-1].state}: {findings[-1]}"
        if not self.cleaned_data["quick"]:
            findings.append((yield from checks.moodle(tenant, self.job)))
            yield f"{findings[-1].state}: {findings[-1]}"
        checks.record(tenant, findings)
        failed = [str(f) for f in findings if f.state == checks.FAILED]
        if failed:
            raise CommandFailed("; ".join(failed))
        return dict(Counter(str(finding.state) for finding in findings))
