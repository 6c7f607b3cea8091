"""The buttons of a tenant's page: what can be done to it, each by a run."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from commands.base import find
from commands.console.drafts import draft, may_run
from mnet.sites import lacks_mnet
from tenants.models import Tenant


@dataclass(frozen=True)
class Button:
    """A button: it prepares a run of a command, or leads to a page."""

    label: Any
    command: str = ""
    url: str = ""

    @property
    def dangerous(self) -> bool:
        return bool(self.command) and find(self.command).dangerous


CHECK = Button(_("Check …"), "lifecycle/Check")
SNAPSHOT = Button(_("Snapshot …"), "lifecycle/Snapshot")
RESTORE = Button(_("Restore …"), "lifecycle/Restore")
NETWORK = Button(_("Network …"), "mnet/SetNetwork")
RENAME = Button(_("Rename …"), "lifecycle/Rename")
MOVE = Button(_("Move …"), "lifecycle/Move")
DISABLE = Button(_("Disable"), "lifecycle/Disable")
ENABLE = Button(_("Enable"), "lifecycle/Enable")
BACK = Button(_("Bring back"), "lifecycle/Enable")
DESTROY = Button(_("Destroy …"), "lifecycle/Destroy")


def buttons(request: HttpRequest, tenant: Tenant) -> list[Button]:
    """Return what this user may do to the tenant as it is."""
    number = tenant.snapshots.count()
    copy = reverse("admin:tenants_tenant_add", query={"source": tenant.wwwroot})
    kept = reverse(
        "admin:tenants_snapshot_changelist", query={"tenant__id__exact": tenant.pk}
    )
    found = [CHECK, SNAPSHOT, RESTORE, Button(_("Copy …"), url=copy)]
    if not lacks_mnet(tenant.release):
        found.append(NETWORK)
    if tenant.deleted_at:
        found = [BACK]
    else:
        found += [RENAME, MOVE, DISABLE if tenant.enabled else ENABLE]
    if not tenant.is_main:
        found.append(DESTROY)
    found.append(Button(gettext("Snapshots (%d)") % number, url=kept))
    lists = {copy: "tenants.add_tenant", kept: "tenants.view_snapshot"}
    return [
        button
        for button in found
        if (request.user.has_perm(lists[button.url]) if button.url else True)
        and (not button.command or may_run(request, dangerous=button.dangerous))
    ]


@require_POST
@permission_required("commands.operate", raise_exception=True)
def do(request: HttpRequest, pk: int) -> HttpResponse:
    """Prepare a run of one of the buttons' commands on a tenant."""
    tenant = get_object_or_404(Tenant, pk=pk)
    known = {button.command for button in buttons(request, tenant) if button.command}
    name = request.POST.get("command", "")
    if name not in known:
        raise PermissionDenied
    run = draft(request, [tenant.pk], name)
    step = "launch" if find(name).base_fields else "confirm"
    return redirect(f"admin:commands_run_{step}", run.pk)
