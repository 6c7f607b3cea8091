"""The console: Django's admin under our own name and look."""

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class Console(AdminSite):
    site_title = _("VMoodle")
    site_header = _("VMoodle")
    index_title = _("Fleet")
    enable_nav_sidebar = True
