from commands.cli import BulkCommand
from commands.system.fix_site_admins import FixSiteAdmins


class Command(BulkCommand):
    runs = FixSiteAdmins
