from django.apps import AppConfig
from django.contrib.admin import apps as admin


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Registry"
    default = True


class ConsoleConfig(admin.AdminConfig):
    """Django's admin, under our own AdminSite."""

    default = False
    default_site = "tenants.console.Console"
