"""The console is the whole site; two health pages stand beside it."""

from django.contrib import admin
from django.urls import path

from commands.console import health

admin.autodiscover()
urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", admin.site.urls),
]
