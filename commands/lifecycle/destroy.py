from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import Command, NothingToDo, Steps, register
from mnet import binding
from tenants.backup import snapshots
from tenants.lifecycle import destroy
from tenants.models import Tenant


@register
class Destroy(Command):
    """Delete the tenant: its site answers nobody any more.

    A last snapshot is taken, and its MNet peers forget it. Its database, account and
    data files stay, and `lifecycle/Enable` brings it back. With `now` all of these are
    removed as well, on its own server and below the data root only; then the last
    snapshot alone is left.

    Example of attributes: now=1
    """

    dangerous = True
    heals = True

    now = forms.BooleanField(
        required=False,
        help_text=_("Also remove its database, account and files, for good."),
    )
    without_snapshot = forms.BooleanField(
        required=False, help_text=_("Take no last snapshot: for a broken site.")
    )
    only_deleted = forms.BooleanField(
        required=False, help_text=_("Leave alone what is not deleted already.")
    )

    def run(self, tenant: Tenant) -> Steps:
        destroy.refuse(tenant)
        if tenant.deleted_at is None:
            if self.cleaned_data["only_deleted"]:
                raise NothingToDo("it is not deleted any more")
            keep = not self.cleaned_data["without_snapshot"]
            yield from destroy.delete(tenant, snapshot=keep)
        others = Tenant.objects.with_edges().exclude(pk=tenant.pk)
        for change in binding.forget(tenant, list(others)):
            yield f"{change.site.tenant}, its MNet peer, knows it no longer"
        if self.cleaned_data["now"]:
            yield from destroy.end(tenant)
        return {"wwwroot": tenant.wwwroot, "gone": self.cleaned_data["now"]}

    def recover(self, tenant: Tenant) -> None:
        snapshots.forget_begun(tenant)
