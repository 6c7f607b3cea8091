from collections.abc import Sequence

from django import forms
from django.db.models import QuerySet
from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, Steps, register
from commands.lifecycle.chosen import SnapshotCommand
from commands.mnet.node import tell_peers
from commands.upgrade import halfway
from commands.upgrade.upgrade import PAGE
from tenants.backup import restore, snapshots
from tenants.models import Snapshot, Tenant


@register
class Restore(SnapshotCommand):
    """Put the site back to what it was when a snapshot was taken.

    Everything that was done on the site since is gone; so a snapshot of the present
    state is taken first. The snapshot is verified and loaded beside the site, which
    then answers 503 for some seconds while both change places. If a step fails, the
    site is as it was.

    With `test` the snapshot is restored into a database of its own instead, compared
    table by table with what was dumped, and dropped: nothing changes for the site.

    Example of attributes: snapshot=north-20260131-0300-a1b2
    """

    dangerous = True
    heals = True

    snapshot = forms.CharField(
        required=False,
        max_length=20_000,
        help_text=_(
            "Its name, or by commas one of each tenant's; empty: what is the tenant's"
            " newest at the start, but none of a half upgraded site or of before a"
            " restore."
        ),
    )
    test = forms.BooleanField(
        required=False, help_text=_("Only prove that it can be restored.")
    )
    without_files = forms.BooleanField(
        required=False, help_text=_("Restore the database only.")
    )
    without_safety = forms.BooleanField(
        required=False, help_text=_("Take no snapshot of the present state first.")
    )

    def is_dangerous(self) -> bool:
        return not self.cleaned_data["test"]

    def chosen(self, *tenants: Tenant) -> QuerySet[Snapshot]:
        """Leave out what nobody means who names none: see the field's help."""
        found = super().chosen(*tenants)
        if self.cleaned_data["snapshot"]:
            return found
        # A restore that is tried again would put the present state back.
        return found.filter(half_way=False).exclude(reason=Snapshot.Reason.SAFETY)

    def newest(self, tenants: Sequence[Tenant]) -> dict[int, Snapshot]:
        """Return, by tenant pk, the newest of those that are chosen."""
        oldest_first = reversed(self.chosen(*tenants))
        return {snapshot.tenant_id or 0: snapshot for snapshot in oldest_first}

    def tells(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        return {
            pk: f"{localize(localtime(one.created_at))} · {one.release} · {one}"
            for pk, one in self.newest(tenants).items()
        }

    def prepare(self, tenants: Sequence[Tenant]) -> Json:
        # What was confirmed, though a newer one may be taken before a job begins.
        return {str(pk): one.name for pk, one in self.newest(tenants).items()}

    def run(self, tenant: Tenant) -> Steps:
        assert isinstance(self.material, dict)
        name = self.material.get(str(tenant.pk))
        snapshot = Snapshot.objects.filter(tenant=tenant, name=name).first()
        if snapshot is None:
            raise CommandFailed("the snapshot has been deleted meanwhile")
        half = Snapshot.objects.filter(tenant=tenant, half_way=True)
        if not snapshot.half_way and half.filter(created_at__gt=snapshot.created_at):
            yield f"There are newer ones than {snapshot}, but of a half upgraded site"
        if self.cleaned_data["test"]:
            yield from snapshots.prove(snapshot, tenant.server)
            return {"snapshot": snapshot.name, "verified": True}
        safety = None
        if not self.cleaned_data["without_safety"]:
            yield "== snapshot of the present state"
            safety = yield from snapshots.take(tenant, Snapshot.Reason.SAFETY)
        yield from restore.restore(
            tenant,
            snapshot,
            page=PAGE.read_text(encoding="utf-8"),
            files=not self.cleaned_data["without_files"],
            job=self.job,
        )
        if not snapshot.half_way:
            yield from halfway.end(tenant, snapshot)
        yield from tell_peers(tenant)
        return {"snapshot": snapshot.name, "safety": safety.name if safety else None}

    def recover(self, tenant: Tenant) -> None:
        snapshots.forget_begun(tenant)
        for snapshot in Snapshot.objects.filter(tenant=tenant):
            snapshots.forget_tests(snapshot, tenant.server)
        restore.recover(tenant)
