"""Give a site another address: all of it, or nothing.

In the registry, which publishes it; in what all tenants know of their MNet peers; in
the site's own texts. Each step stands in a journal before it does anything, so whoever
comes after a crash can take it back.
"""

import json
from typing import Any

from django.core.exceptions import ValidationError

from tenants import files, moodledb, php
from tenants.lifecycle import steps
from tenants.lifecycle.replace import replace
from tenants.lifecycle.steps import LifecycleError, Lines, Step
from tenants.models import Journal, Tenant
from tenants.moodledb import MoodleDbError
from tenants.serving import publish
from tenants.wwwroot import site_key

WORK = "rename"
PURGE = "admin/cli/purge_caches.php"


def rename(
    tenant: Tenant,
    wwwroot: str,
    *,
    content: bool = False,
    redirect: bool = False,
    job: int | None = None,
) -> Lines:
    """Move the tenant to another address. Raises LifecycleError.

    `content`: also replace it in the site's texts; `redirect`: the former address
    leads to the new one from now on.
    """
    steps.refuse_half_done(tenant)
    if knowing := knowing_peer(wwwroot):
        raise LifecycleError(
            f"{knowing[0]} knows an MNet peer {wwwroot}: delete it first"
        )
    plan = {
        "old": tenant.wwwroot,
        "new": wwwroot,
        "former": tenant.former,
        "content": content,
        "redirect": redirect,
    }
    journal = Journal.objects.create(tenant=tenant, work=WORK, text=json.dumps(plan))
    yield from steps.carry_out(journal, Renaming(journal, job).steps())
    tenant.refresh_from_db(fields=["wwwroot", "key", "former"])


def recover(tenant: Tenant) -> str:
    """Take back a renaming whose process died; return what could not be."""
    journal = Journal.objects.filter(tenant=tenant, work=WORK).first()
    return steps.take_back(journal, Renaming(journal).steps()) if journal else ""


class Renaming:
    """One renaming, as its journal tells of it."""

    def __init__(self, journal: Journal, job: int | None = None) -> None:
        self.job, self.tenant, self.plan = job, journal.tenant, journal.plan
        self.old, self.new = self.plan["old"], self.plan["new"]

    def steps(self) -> list[Step]:
        rewrite = Step("replace it in the texts", self.rewrite, self.rewrite_back)
        return [
            Step("publish the new address", self.move, self.move_back),
            Step("tell the MNet peers", self.tell, self.tell_back),
            *([rewrite] if self.plan["content"] else []),
            Step("purge the caches", self.purge),
        ]

    def move(self) -> Lines:
        redirect = self.plan["redirect"] and site_key(self.old) != site_key(self.new)
        self._move(self.new, redirect=redirect)
        served = "leads to it" if redirect else "is served no longer"
        yield f"the registry has {self.new}; {self.old} {served}"

    def _move(self, wwwroot: str, **how: Any) -> None:
        try:
            self.tenant.move(wwwroot, **how)
        except ValidationError as error:  # another one may have taken it meanwhile
            raise LifecycleError(" ".join(error.messages)) from error

    def move_back(self) -> None:
        self._move(self.old, former=self.plan["former"])
        if not Tenant.objects.filter(key=site_key(self.new)).exists():
            publish.unpublish(site_key(self.new))  # killed before the row was stored

    def tell(self) -> Lines:
        for other in rename_peer(self.old, self.new):
            yield f"{other} knows its MNet peer by the new address"

    def tell_back(self) -> None:
        rename_peer(self.new, self.old)

    def rewrite(self) -> Lines:
        number = replace(self.tenant, {self.old: self.new})
        yield f"The address is replaced in {number} tables"

    def rewrite_back(self) -> None:
        replace(self.tenant, {self.new: self.old})
        files.clear_caches(self.tenant)

    def purge(self) -> Lines:
        """Make Moodle start at its new address: if it cannot, all goes back."""
        yield from php.run(self.tenant, PURGE, job=self.job)


def knowing_peer(wwwroot: str) -> list[Tenant]:
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


def rename_peer(old: str, new: str) -> list[Tenant]:
    """Rename a host in the MNet tables of all tenants; return those that knew it."""
    knowing = knowing_peer(old)
    for tenant in knowing:
        hosts = moodledb.table(tenant, "mnet_host")
        sql = f"UPDATE {hosts} SET wwwroot = %s WHERE wwwroot = %s"  # noqa: S608
        moodledb.execute(tenant.server, sql, [new, old])
    return knowing
