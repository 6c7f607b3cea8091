from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from commands.cli import BAD_USE
from commands.shell.strict import StrictCommand
from tenants.models import Tenant
from tenants.serving import webconfig


class Command(StrictCommand):
    help = """Print the configuration of nginx or Apache for the registry's tenants.

    For tenants at the root of a host and, with VMOODLE_USE_SUBPATH, below it. Its
    comments say where it goes, and when to make it again: not for each tenant."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--server", choices=webconfig.SERVERS, default="nginx", help="Which one."
        )
        parser.add_argument(
            "--certificate",
            default="",
            metavar="PATH",
            help="TLS certificate of all hosts; with {host} in it, of each host its "
            "own. Without it TLS ends at a proxy.",
        )
        parser.add_argument(
            "--key", default="", metavar="PATH", help="The certificate's private key."
        )
        parser.add_argument(
            "--php-socket",
            default="/run/php/vmoodle.sock",
            metavar="PATH",
            help="Socket of the php-fpm pool (default: that of deploy/).",
        )

    def handle(self, *, server: str, **options: Any) -> None:
        given = {name: options[name] for name in ("certificate", "key", "php_socket")}
        try:
            made = webconfig.text(server, Tenant.objects.living(), **given)
        except webconfig.WebConfigError as error:
            raise CommandError(str(error), returncode=BAD_USE) from error
        self.stdout.write(made, ending="")
