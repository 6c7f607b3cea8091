"""The console: Django's admin under our own name, with the fleet on its first page."""

from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from commands.console.dashboard import dashboard


class Console(AdminSite):
    site_title = site_header = _("VMoodle")
    site_url = None
    index_title = _("Fleet")
    index_template = "admin/fleet.html"
    enable_nav_sidebar = False

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Lead who was logged out meanwhile back to the form, and say what was done.

        Django leads to the address that the form was sent to, where many answer to
        nothing else than a form.
        """
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.method != "POST" or self.has_permission(request):
                return inner(request, *args, **kwargs)
            if request.path == reverse("admin:logout"):
                return inner(request, *args, **kwargs)
            messages.warning(
                request,
                _("You were logged out, so nothing was done: log in, and do it again."),
            )
            return redirect_to_login(_page_of(request), reverse("admin:login"))

        return checked

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        answer = super().index(request, {**dashboard(), **(extra_context or {})})
        if "HX-Request" in request.headers:
            answer.template_name = "admin/_fleet.html"  # the part that changes
        return answer


def _page_of(request: HttpRequest) -> str:
    """Return the page that a form was on, the first page if that is not known."""
    came = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(came, {request.get_host()}):
        return reverse("admin:index")
    return urlsplit(came)._replace(scheme="", netloc="").geturl()
