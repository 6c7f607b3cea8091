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
from commands.drafts import draft, may_run
from mnet.sites import lacks_mnet
from tenants.models import Tenant


@dataclass(frozen=True)
class Deed:
    """A button: it prepares a run of a command, or leads to a page."""

    label: Any
    command: str = ""
    url: str = ""

    @property
    def dangerous(self) -> bool:
        return bool(self.command) and find(self.command).dangerous


CHECK = Deed(_("Check …"), "lifecycle/Check")
SNAPSHOT = Deed(_("Snapshot …"), "lifecycle/Snapshot")
RESTORE = Deed(_("Restore …"), "lifecycle/Restore")
NETWORK = Deed(_("Network …"), "mnet/SetNetwork")
RENAME = Deed(_("Rename …"), "lifecycle/Rename")
MOVE = Deed(_("Move …"), "lifecycle/Move")
DISABLE = Deed(_("Disable"), "lifecycle/Disable")
ENABLE = Deed(_("Enable"), "lifecycle/Enable")
BACK = Deed(_("Bring back"), "lifecycle/Enable")
DESTROY = Deed(_("Destroy …"), "lifecycle/Destroy")


def deeds(request: HttpRequest, tenant: Tenant) -> list[Deed]:
    """Return what this user may do to the tenant as it is."""
    number = tenant.snapshots.count()
    copy = reverse("admin:tenants_tenant_add", query={"source": tenant.wwwroot})
    kept = reverse(
        "admin:tenants_snapshot_changelist", query={"tenant__id__exact": tenant.pk}
    )
    found = [CHECK, SNAPSHOT, RESTORE, Deed(_("Copy …"), url=copy)]
    if not lacks_mnet(tenant.release):
        found.append(NETWORK)
    if tenant.deleted_at:
        found = [BACK]
    else:
        found += [RENAME, MOVE, DISABLE if tenant.enabled else ENABLE]
    if not tenant.is_main:
        found.append(DESTROY)
    found.append(Deed(gettext("Snapshots (%d)") % number, url=kept))
    lists = {copy: "tenants.add_tenant", kept: "tenants.view_snapshot"}
    return [
        deed
        for deed in found
        if (request.user.has_perm(lists[deed.url]) if deed.url else True)
        and (not deed.command or may_run(request, dangerous=deed.dangerous))
    ]


@require_POST
@permission_required("commands.operate", raise_exception=True)
def do(request: HttpRequest, pk: int) -> HttpResponse:
    """Prepare a run of one of the buttons' commands on a tenant."""
    tenant = get_object_or_404(Tenant, pk=pk)
    known = {deed.command for deed in deeds(request, tenant) if deed.command}
    name = request.POST.get("command", "")
    if name not in known:
        raise PermissionDenied
    run = draft(request, [tenant.pk], name)
    step = "launch" if find(name).base_fields else "confirm"
    return redirect(f"admin:commands_run_{step}", run.pk)
