"""The actions of a list as buttons on the page of one of its rows."""

from collections.abc import Collection
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse


class ActingAdmin(admin.ModelAdmin):
    """Its rows' pages have a button for each of `acts` that the user may do."""

    acts: ClassVar[Collection[str]] = ()

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        may: dict[str, Any] = self.get_actions(request)
        context["acts"] = [(name, may[name][2]) for name in self.acts if name in may]
        return super().render_change_form(request, context, *args, **kwargs)
