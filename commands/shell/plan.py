"""What a bulk command would do: shown by `--dry-run`, and confirmed if dangerous."""

import json
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from django.core.management.base import BaseCommand

from commands.base import find
from commands.models import Job, Run
from tenants.models import Tenant
from tenants.selection import SelectionError

LISTED = 20  # wwwroots in a question
SECRET = "***"  # noqa: S105 - what is shown instead of one


def show_plan(
    run: Run, canary: Sequence[int] | int, command: BaseCommand, *, as_json: bool
) -> None:
    """Print the frozen list of a draft and what would be skipped; start nothing."""
    plan = report(run, run.plan(run.form(), canary))
    if as_json:
        command.stdout.write(json.dumps(plan))
        return
    counts = ", ".join(f"{n} {state}" for state, n in plan["counts"].items() if n)
    on = number_of(len(plan["tenants"]))
    command.stdout.write(f"{run.command} on {on}: {counts}")
    for name, value in plan["parameters"].items():
        command.stdout.write(f"  {name}={value}")
    for tenant in plan["tenants"]:
        first = " (canary)" if tenant["canary"] else ""
        why = f": {said}" if (said := tenant["error"] or tenant["told"]) else ""
        command.stdout.write(f"{tenant['state']:9} {tenant['wwwroot']}{first}{why}")
    command.stdout.write("Dry run: nothing was done")


def show_targets(
    tenants: Sequence[Tenant],
    command: BaseCommand,
    run: Run | None = None,
    *,
    as_json: bool,
) -> None:
    """Print the tenants, and what `run` would do there, without asking them."""
    roots = [tenant.wwwroot for tenant in tenants]
    about = {"command": run.command, "parameters": parameters(run)} if run else {}
    if as_json:
        command.stdout.write(json.dumps({**about, "tenants": roots}))
        return
    if run:
        command.stdout.write(f"{run.command} on {number_of(len(roots))}")
        for name, value in parameters(run).items():
            command.stdout.write(f"  {name}={value}")
    for root in roots:
        command.stdout.write(root)


def number_of(number: int, thing: str = "tenant") -> str:
    """Return the number with what it is of.

    >>> number_of(1), number_of(2, "job")
    ('1 tenant', '2 jobs')
    """
    return f"1 {thing}" if number == 1 else f"{number} {thing}s"


def report(run: Run, jobs: Sequence[Job]) -> dict[str, Any]:
    """Return what the run would do, as `--json` prints it."""
    states = [job.state for job in jobs]
    told = run.form().tells([job.tenant for job in jobs if job.tenant])
    return {
        "dry_run": True,
        "command": run.command,
        "parameters": parameters(run),
        "counts": {state: states.count(state) for state in Job.State.values},
        "tenants": [
            {
                "wwwroot": job.wwwroot,
                "state": job.state,
                "error": job.error,
                "told": told.get(job.tenant_id or 0, ""),
                "canary": job.wave == 0,
            }
            for job in jobs
        ],
    }


def parameters(run: Run) -> dict[str, str | list[str]]:
    """Return the parameters by name, secret ones hidden."""
    given = parse_qs(run.attributes)
    shown = {
        name: values if values[1:] else values[0] for name, values in given.items()
    }
    return shown | dict.fromkeys(parse_qs(run.secrets), SECRET)


def confirm(run: Run, command: BaseCommand, *, yes: bool) -> None:
    """Have a dangerous run confirmed by typing the number of its tenants."""
    form = run.form()
    if yes or not form.is_dangerous():
        return
    number = len(run.targets)
    if not sys.stdin.isatty():
        raise SelectionError(
            f"{run.command} is dangerous and there is no terminal to confirm it on: "
            f"add --yes to run it on {number_of(number)}; nothing was done"
        )
    named = Tenant.objects.filter(pk__in=run.targets).order_by("pk")
    first = list(named[:LISTED])
    told = form.tells(first)
    roots = [_described(tenant, told.get(tenant.pk)) for tenant in first]
    more = f" and {number - LISTED} more" if number > LISTED else ""
    try:
        command.stderr.write(f"{run.command}: {find(run.command).summary()}")
        command.stderr.write(f"This is dangerous. Tenants: {', '.join(roots)}{more}")
        command.stderr.write(f"Type their number, {number}, to go on: ", ending="")
        command.stderr.flush()
        typed = sys.stdin.readline().strip()
    except KeyboardInterrupt:
        typed = ""
    if typed != str(number):
        raise SelectionError("Not confirmed: nothing was done")


def _described(tenant: Tenant, told: str | None) -> str:
    """Return a tenant's wwwroot, with what one must know before it is touched."""
    known = {
        "the main tenant": tenant.is_main,
        "disabled": not tenant.enabled,
        told or "": told,
    }
    said = "; ".join(words for words, holds in known.items() if holds)
    return f"{tenant.wwwroot} ({said})" if said else tenant.wwwroot
