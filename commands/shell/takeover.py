"""What the commands that take sites over from elsewhere share in the shell."""

import getpass
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.core.management.base import BaseCommand, CommandError

from commands.base import REFUSED
from commands.cli import refuse
from commands.shell.secrets import add_secret_option, secrets_given
from tenants.legacy import Account, Site
from tenants.models import Release
from tenants.selection import SelectionError
from tenants.serving.adopt import is_adopted
from tenants.takeover import Takeover

EXPECTED = (*REFUSED, OSError)


class Accounts(forms.Form):
    """Passwords of accounts of database servers."""

    base_fields: ClassVar[dict[str, forms.Field]]
    admin_password = forms.CharField(
        required=False, widget=forms.PasswordInput, help_text="Its password."
    )
    vmasterdbpass = forms.CharField(
        required=False, widget=forms.PasswordInput, help_text="Its password."
    )

    @classmethod
    def secret_names(cls) -> list[str]:
        return list(cls.base_fields)


def add_takeover(parser: ArgumentParser) -> None:
    """Add the options that both commands have."""
    parser.add_argument(
        "--release", metavar="NAME", help="Release to pin them to; else by version."
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="Also change tenants that are there and differ.",
    )
    parser.add_argument(
        "--admin-user",
        metavar="NAME",
        help="Account for database servers that are not registered yet: one that may "
        "read and write every tenant's database.",
    )
    add_secret_option(
        parser, "admin_password", ["--admin-password"], "Its password.", required=True
    )


def password(name: str, user: str, options: dict[str, Any]) -> str:
    """Return a password that was given, or that is typed now."""
    given = {f"field_{n}": None for n in Accounts.secret_names()}
    given |= {f"secret_{n}": None for n in Accounts.secret_names()}
    found = secrets_given(Accounts, {**given, **options}).get(name)
    if found := found or options.get(f"field_{name}"):
        return str(found)
    if user and sys.stdin.isatty():
        return getpass.getpass(f"Password of the account {user}: ")
    return ""


def taken_over(sites: Iterable[Site], options: dict[str, Any]) -> Takeover:
    """Return these sites, all checked, ready to be entered or refused."""
    release = None
    if name := options["release"]:
        release = Release.objects.filter(name=name).first()
        if release is None:
            raise SelectionError(f"There is no release {name}: add it first")
    user = options["admin_user"] or ""
    account = Account(user, password("admin_password", user, options) if user else "")
    return Takeover(sites, release=release, account=account, update=options["update"])


def carry_out(command: BaseCommand, takeover: Takeover, *, write: bool) -> None:
    """Tell what is done, do it if it shall be written, and exit as that went."""
    for site in takeover.sites:
        _tell(command, site)
    for server in takeover.new_servers:
        address = server.socket or f"{server.host}:{server.port}"
        command.stdout.write(f"new database server {server}: {address}")
    try:
        number = takeover.carry_out() if write else len(takeover.ready)
    except EXPECTED as error:
        raise refuse(error) from error
    there = len(takeover.sites) - len(takeover.ready) - len(takeover.refused)
    verb = "entered" if write else "to be entered"
    counts = f"{number} {verb}, {there} there, {len(takeover.refused)} refused"
    command.stdout.write(counts)
    for release in {s.tenant.release for s in takeover.ready if s.tenant}:
        if not is_adopted(release):
            command.stdout.write(
                f"They are served as before until manage.py adopt_release {release}"
            )
    if takeover.refused:
        names = ", ".join(site.wwwroot or site.label for site in takeover.refused)
        raise CommandError(f"Refused: {names}; correct what is told above")


def _tell(command: BaseCommand, site: Site) -> None:
    head = f"{site.label}: {site.wwwroot}"
    for problem in site.problems:
        command.stderr.write(f"{head}: refused: {problem}")
    if site.problems:
        return
    tenant = site.tenant
    if tenant and not tenant.pk:
        network = f"network {tenant.network}"
        state = "" if tenant.enabled else ", disabled"
        command.stdout.write(
            f"{head}: database {tenant.db_name} on {tenant.server}, data "
            f"{tenant.data_path}, release {tenant.release}, {network}{state}"
        )
    for note in site.notes:
        command.stdout.write(f"{head}: {note}")
