from django.apps import AppConfig


class MnetConfig(AppConfig):
    name = "mnet"
    verbose_name = "MNet"
