from commands.cli import TenantCommand
from commands.system.fix_site_admins import FixSiteAdmins


class Command(TenantCommand):
    runs = FixSiteAdmins
