from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = _("Registry")
    default = True

    def ready(self) -> None:
        from tenants.surroundings import check_settings  # it wants settings

        checks.register(check_settings)
