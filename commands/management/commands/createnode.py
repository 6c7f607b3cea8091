from argparse import ArgumentParser
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from commands.base import REFUSED
from commands.cli import TenantCommand, refuse
from commands.lifecycle.create import Create
from commands.models import Job
from commands.shell.secrets import add_secret_option, secrets_given
from commands.validation import sentences
from tenants.forms import NewTenantForm
from tenants.lifecycle.provision import reserve
from tenants.models import Tenant


class Command(TenantCommand):
    runs = Create

    def add_arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_argument_group("the new tenant")
        group.add_argument(
            *("-H", "--host"),
            required=True,
            dest="field_wwwroot",
            metavar="URL",
            help="Its wwwroot.",
        )
        for name, field in NewTenantForm.base_fields.items():
            option, text = f"--{name.replace('_', '-')}", str(field.help_text)
            if name in NewTenantForm.secret_names():
                add_secret_option(group, name, [option], text)
            elif name != "wwwroot":
                kind: dict[str, Any] = {"metavar": "VALUE"}
                if isinstance(field, forms.BooleanField):
                    kind = {"action": "store_true"}
                group.add_argument(option, dest=f"field_{name}", help=text, **kind)

    def handle(self, **options: Any) -> None:
        try:
            secrets = secrets_given(NewTenantForm, options)
            form = NewTenantForm({**self.given(options), **secrets})
            if not form.is_valid():
                raise ValidationError(sentences(form, option))
            tenant = reserve(form.save(commit=False), form.plan())
            form.save_m2m()
            job = self.started(tenant)
        except REFUSED as error:
            raise refuse(error) from error
        try:
            self.work(job)
        except CommandError:
            job.refresh_from_db()
            if job.state == Job.State.CANCELLED and not job.started_at:
                tenant.delete()  # only its row is there
            raise
        self.report(job)

    def started(self, tenant: Tenant) -> Job:
        try:
            return self.start(self.draft([tenant], "", parallel=1))
        except (*REFUSED, KeyboardInterrupt):
            tenant.delete()  # only its row is there so far
            raise


def option(name: str) -> str:
    """Return the option that a field is given by."""
    return "--host" if name == "wwwroot" else f"--{name.replace('_', '-')}"
