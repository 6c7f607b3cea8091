from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError

from commands.base import REFUSED
from commands.cli import refuse
from commands.management.commands.createnode import option
from commands.shell.secrets import add_secret_option, secrets_given
from commands.shell.strict import StrictCommand
from commands.validation import sentences
from tenants.forms import ServerForm
from tenants.lifecycle import databases


class Command(StrictCommand):
    help = """Enter a database server in the registry.

    It must answer, and let its account in."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Such as db1.")
        for name, field in ServerForm.base_fields.items():
            option = f"--{name.replace('_', '-')}"
            text = str(field.help_text).replace("%", "%%")  # argparse has a use for it
            if name in ServerForm.secret_names():
                add_secret_option(parser, name, [option], text)
            elif name != "name":
                dest = f"field_{name}"
                parser.add_argument(option, dest=dest, metavar="VALUE", help=text)

    def handle(self, *, name: str, **options: Any) -> None:
        try:
            given = {n: options.get(f"field_{n}") for n in ServerForm.base_fields}
            given = {field: text for field, text in given.items() if text is not None}
            secrets = secrets_given(ServerForm, options)
            form = ServerForm({**given, **secrets, "name": name})
            if not form.is_valid():
                raise ValidationError(sentences(form, option))
            missing = databases.missing_rights(form.instance)
            form.save()
        except REFUSED as error:
            raise refuse(error) from error
        self.stdout.write(f"{form.instance} is entered")
        if missing:
            rights = ", ".join(missing)
            said = f"Its account lacks {rights}: no tenant can be made there"
            self.stderr.write(said)
