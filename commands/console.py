"""The console: Django's admin under our own name, with the fleet on its first page."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from commands.dashboard import dashboard


class Console(AdminSite):
    site_title = site_header = _("VMoodle")
    site_url = None
    index_title = _("Fleet")
    index_template = "admin/fleet.html"
    enable_nav_sidebar = False

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        return super().index(request, {**dashboard(), **(extra_context or {})})
