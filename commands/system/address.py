"""The base of commands that give a site another address: all of it, or nothing."""

from collections.abc import Sequence

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import Command, CommandFailed, NothingToDo, Steps
from commands.models import Job
from tenants import moodledb, php
from tenants.models import Tenant
from tenants.moodledb import MoodleDbError
from tenants.php import PhpError
from tenants.publish import PublishError
from tenants.wwwroot import clean_wwwroot

FAILURES = (CommandFailed, ValidationError, PhpError, MoodleDbError, PublishError)
REPLACE, PURGE = "admin/tool/replace/cli/replace.php", "admin/cli/purge_caches.php"


class AddressCommand(Command):
    """Moves a site to the address that `target` tells, or leaves it where it was.

    In the registry, in what all tenants know of their MNet peers, and in its content.
    """

    dangerous = True

    content = forms.BooleanField(
        required=False,
        help_text=_("Also replace the address in the texts of the site."),
    )

    def target(self, wwwroot: str) -> str:
        """Return the new address; raise ValidationError when it can be none."""
        raise NotImplementedError

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        return {
            tenant.pk: "it has this address already"
            for tenant in tenants
            if self._target(tenant)[0] == tenant.wwwroot
        }

    def refusals(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        wanted = {tenant.pk: self._target(tenant) for tenant in tenants}
        taken = dict(Tenant.objects.values_list("wwwroot", "pk"))
        found = {pk: why for pk, (_new, why) in wanted.items() if why}
        for pk, (new, _why) in wanted.items():
            if taken.setdefault(new, pk) != pk:
                found.setdefault(pk, f"another tenant has, or shall get, {new}")
        return found

    def _target(self, tenant: Tenant) -> tuple[str, str]:
        """Return the new address, or why there is none."""
        try:
            return clean_wwwroot(self.target(tenant.wwwroot)), ""
        except ValidationError as error:
            return "", " ".join(error.messages)

    def run(self, tenant: Tenant) -> Steps:
        old, new = tenant.wwwroot, clean_wwwroot(self.target(tenant.wwwroot))
        if old == new:
            raise NothingToDo("it has this address already")
        if knowing := _knowing(new):
            raise CommandFailed(
                f"{knowing[0]} knows an MNet peer {new}: delete it first"
            )
        try:
            yield from self._go(tenant, old, new)
        except (*FAILURES, GeneratorExit):
            self._back(tenant, old, new)
            raise
        return {"wwwroot": new, "before": old}

    def _go(self, tenant: Tenant, old: str, new: str) -> php.Lines:
        self.rewriting = False
        tenant.move(new)
        yield f"the registry has {new}; {old} is served no longer"
        for other in _rename_peer(old, new):
            yield f"{other} knows its MNet peer by the new address"
        if self.cleaned_data["content"]:
            self.rewriting = True
            yield from php.run(tenant, REPLACE, _options(old, new), job=self.job)
        return (yield from php.run(tenant, PURGE, job=self.job))

    def _back(self, tenant: Tenant, old: str, new: str) -> None:
        if self.rewriting:
            list(php.run(tenant, REPLACE, _options(new, old)))
        _rename_peer(new, old)
        tenant.move(old)

    def recover(self, tenant: Tenant) -> None:
        old = Job.objects.get(pk=self.job or 0).wwwroot
        self.rewriting = bool(self.cleaned_data["content"]) and tenant.wwwroot != old
        self._back(tenant, old, clean_wwwroot(self.target(old)))


def _options(search: str, replace: str) -> list[str]:
    longer = ["--shorten"] if len(replace) > len(search) else []
    return ["--non-interactive", f"--search={search}", f"--replace={replace}", *longer]


def _knowing(wwwroot: str) -> list[Tenant]:
    """Return the tenants that have a row for this address among their MNet hosts."""
    tenants = {tenant.pk: tenant for tenant in Tenant.objects.with_edges()}

    def parts(tenant: Tenant) -> list[moodledb.Part]:
        hosts = moodledb.table(tenant, "mnet_host")
        return [(f"COUNT(*) FROM {hosts} WHERE wwwroot = %s", [wwwroot])]  # noqa: S608

    found = moodledb.each(tenants.values(), parts)
    knowing = []
    for pk, rows in found.items():
        if isinstance(rows, MoodleDbError):
            if rows.is_servers:  # what it holds would keep the former address
                raise rows
        elif rows[0][0]:
            knowing.append(tenants[pk])
    return knowing


def _rename_peer(old: str, new: str) -> list[Tenant]:
    """Rename a host in the MNet tables of all tenants; return those that knew it."""
    knowing = _knowing(old)
    for tenant in knowing:
        hosts = moodledb.table(tenant, "mnet_host")
        sql = f"UPDATE {hosts} SET wwwroot = %s WHERE wwwroot = %s"  # noqa: S608
        moodledb.execute(tenant.server, sql, [new, old])
    return knowing
