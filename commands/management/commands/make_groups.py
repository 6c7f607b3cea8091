from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand
from django.db.models import Q

LOOK = Q(codename__startswith="view_")
RUN = LOOK | Q(codename="operate") | Q(codename__endswith="_savedcommand")
GROUPS = {"Viewers": LOOK, "Operators": RUN, "Administrators": Q()}


class Command(BaseCommand):
    help = """Make the groups Viewers, Operators and Administrators.

    Viewers look; Operators also run commands that are not dangerous, and save
    commands; Administrators may do everything but make accounts. A group that exists
    stays as it is."""

    def handle(self, **options: Any) -> None:
        ours = ("tenants", "mnet", "commands")
        permissions = Permission.objects.filter(content_type__app_label__in=ours)
        for name, chosen in GROUPS.items():
            group, made = Group.objects.get_or_create(name=name)
            if made:
                group.permissions.set(permissions.filter(chosen))
            self.stdout.write(f"{name}: {'made' if made else 'left as it is'}")
