"""Which tenants a command is for: names, patterns, tags and the like, combined.

Each step of a selection stands for a set of tenants. From left to right a step
narrows what is chosen so far, takes away from it (`exclude`) or adds to it (`also`).
"""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.errors import VMoodleError
from tenants.models import Release, Tag, Tenant
from tenants.wwwroot import clean_wwwroot

ALL = "*"
# Who is named is meant, even if disabled or the main tenant.
NAMING = {"tohosts", "from_file", "tenants"}
LISTED = 20  # names in a message
NONE_SO_CALLED = {
    "tag": gettext_lazy("There is no tag %(names)s (known: %(known)s)"),
    "release": gettext_lazy("There is no release %(names)s (known: %(known)s)"),
    "network": gettext_lazy("There is no network %(names)s (known: %(known)s)"),
}


class SelectionError(VMoodleError):
    """A selection names what the registry does not hold, or matches nothing."""


def pattern(text: str) -> re.Pattern[str]:
    """Return the expression for one pattern of the guide's language.

    `*` is any run of characters, `?` at most one; anchored, case-insensitive.
    Without a scheme the pattern is held against the wwwroot without its own.

    >>> bool(pattern("*.example.org").fullmatch("https://a.example.org"))
    True
    """
    # What no wwwroot holds would fit nothing, and so exclude nothing.
    if not re.fullmatch(r"[A-Za-z0-9_*?.:/-]+", text):
        wrong = _(
            "%(text)r is not a pattern: use letters, digits, '.', ':', '/', '-', '_',"
            " '*' (any run) and '?' (at most one); of an international name the xn--"
            " form"
        )
        raise SelectionError(wrong % {"text": text})
    body = re.sub(r"[*?]+|[^*?]+", lambda part: _expression(part[0]), text)
    scheme = "" if "://" in text else r"(?:https?://)?"
    return re.compile(scheme + body, re.IGNORECASE)


def _expression(part: str) -> str:
    """Return the expression for a run of wildcards, or for what is none.

    A run as one, since `.*.*.*` and `.?.?.?` take for ever not to fit.
    """
    if part.strip("*?"):
        return re.escape(part)
    return ".*" if "*" in part else f".{{0,{len(part)}}}"


@dataclass(frozen=True)
class Selection:
    """What was asked for; `resolve` turns it into tenants of the registry."""

    # (kind, values) in the order they were given; the kinds are those of FINDERS.
    steps: Sequence[tuple[str, Sequence[Any]]] = ()
    with_master: bool = False

    def resolve(self) -> list[Tenant]:
        """Return the tenants in registry order; raise SelectionError if none."""
        registry = list(Tenant.objects.with_edges().order_by("pk"))
        found = [(kind, FINDERS[kind](registry, given)) for kind, given in self.steps]
        named = {
            pk
            for (kind, pks), (_kind, given) in zip(found, self.steps, strict=True)
            if kind in NAMING and ALL not in given
            for pk in pks
        }
        able = {
            tenant.pk
            for tenant in registry
            if tenant.pk in named
            or (tenant.enabled and (self.with_master or not tenant.is_main))
        }
        chosen = able
        for kind, pks in found:
            if kind == "exclude":
                chosen = chosen - pks
            elif kind == "also":
                chosen = chosen | (pks & able)
            else:
                chosen = chosen & pks
        if not chosen:
            raise SelectionError(_("No tenant is selected: nothing was done"))
        return [tenant for tenant in registry if tenant.pk in chosen]


def tenant_at(host: str) -> Tenant:
    """Return the tenant of a wwwroot; raise SelectionError or ValidationError."""
    root = clean_wwwroot(host)
    tenant = Tenant.objects.with_edges().filter(wwwroot=root).first()
    if tenant is None:
        raise _no_tenant(root)
    return tenant


def _no_tenant(names: str) -> SelectionError:
    return SelectionError(_("No such tenant: %(names)s") % {"names": names})


def _named(registry: Sequence[Tenant], hosts: Sequence[str]) -> set[int]:
    if ALL in hosts:
        if len(hosts) > 1:
            alone = _("'*' means all tenants: give no others beside it")
            raise SelectionError(alone)
        return {tenant.pk for tenant in registry}
    for host in hosts:
        if set(host) & set("*?"):
            meant = _("%(text)r is a pattern: give it to --tohostsmatch")
            raise SelectionError(meant % {"text": host})
    wanted = [clean_wwwroot(host) for host in hosts]
    by_root = {tenant.wwwroot: tenant.pk for tenant in registry}
    if unknown := [root for root in wanted if root not in by_root]:
        raise _no_tenant(", ".join(unknown))
    return {by_root[root] for root in wanted}


def _in_file(registry: Sequence[Tenant], paths: Sequence[str]) -> set[int]:
    """Return the tenants of files that hold a wwwroot a line; `-`: standard input."""
    by_root = {tenant.wwwroot: tenant.pk for tenant in registry}
    chosen: set[int] = set()
    for path in paths:
        unknown, empty = [], True
        for number, line in enumerate(_lines(path), start=1):
            text = line.partition("#")[0].strip()
            if not text:
                continue
            empty = False
            try:
                chosen.add(by_root[clean_wwwroot(text)])
            except (ValidationError, KeyError):
                unknown.append(f"line {number}: {text[:100]}")
        if unknown:
            more = f" and {len(unknown) - LISTED} more" if unknown[LISTED:] else ""
            listed = "; ".join(unknown[:LISTED])
            raise SelectionError(f"{path}: no such tenants: {listed}{more}")
        if empty:
            raise SelectionError(f"{path} names no tenant: give one wwwroot a line")
    return chosen


def _lines(path: str) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return data.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise SelectionError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SelectionError(f"{path} cannot be read: it is not text") from error


def _matching(registry: Sequence[Tenant], patterns: Sequence[str]) -> set[int]:
    chosen: set[int] = set()
    for text in patterns:
        fits = pattern(text).fullmatch
        found = {tenant.pk for tenant in registry if fits(tenant.wwwroot)}
        if not found:  # mistyped, and so others would be taken, or not left out
            none = _("No tenant fits %(text)s: nothing was done")
            raise SelectionError(none % {"text": text})
        chosen |= found
    return chosen


def _tagged(registry: Sequence[Tenant], names: Sequence[str]) -> set[int]:
    _refuse_unknown("tag", names, Tag.objects.values_list("name", flat=True))
    found = Tenant.objects.filter(tags__name__in=names)
    return set(found.values_list("pk", flat=True))


def _on_release(registry: Sequence[Tenant], names: Sequence[str]) -> set[int]:
    _refuse_unknown("release", names, Release.objects.values_list("name", flat=True))
    return {tenant.pk for tenant in registry if tenant.release.name in names}


def _in_network(registry: Sequence[Tenant], numbers: Sequence[str]) -> set[int]:
    known = sorted({tenant.network for tenant in registry})
    _refuse_unknown("network", numbers, map(str, known))
    return {tenant.pk for tenant in registry if str(tenant.network) in numbers}


def _refuse_unknown(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    there = list(known)
    if unknown := [name for name in names if name not in there]:
        listed = ", ".join(there[:LISTED]) or _("none")
        more = ", ..." if len(there) > LISTED else ""
        names = {"names": ", ".join(unknown), "known": f"{listed}{more}"}
        raise SelectionError(NONE_SO_CALLED[what] % names)


FINDERS: dict[str, Callable[[Sequence[Tenant], Sequence[Any]], set[int]]] = {
    "tohosts": _named,
    "tohostsmatch": _matching,
    "from_file": _in_file,
    "tag": _tagged,
    "release": _on_release,
    "network": _in_network,
    "tenants": lambda registry, pks: set(pks),
    "exclude": _matching,
    "also": _matching,
}
