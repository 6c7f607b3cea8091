"""What the commands share that are about snapshots of a tenant, by their names."""

from collections.abc import Sequence

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from commands.base import Command
from commands.validation import invalid
from tenants.models import Snapshot, Tenant


class SnapshotCommand(Command):
    """Something done with snapshots: those that the field `snapshot` names."""

    def clean_snapshot(self) -> str:
        """Return names by commas; raise ValidationError for what is none."""
        given = self.cleaned_data["snapshot"].split(",")
        names = [name.strip() for name in given if name.strip()]
        found = Snapshot.objects.filter(name__in=names)
        known = set(found.values_list("name", flat=True))
        if unknown := [name for name in names if name not in known]:
            raise invalid(_("There is no snapshot %(name)s"), name=", ".join(unknown))
        return ",".join(names)

    def chosen(self, *tenants: Tenant) -> QuerySet[Snapshot]:
        """Return the tenants', of these names if there are any; newest first."""
        names: str = self.cleaned_data["snapshot"]
        found = Snapshot.objects.filter(tenant__in=tenants)
        return found.filter(name__in=names.split(",")) if names else found

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        return {
            tenant.pk: "it has no such snapshot"
            for tenant in tenants
            if not self.chosen(tenant).exists()
        }
