"""Which tenants a command is for: hosts, patterns and exclusions.

Shared by the shell and the console, so that both mean the same tenants.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tenants.models import Tenant
from tenants.wwwroot import clean_wwwroot


class SelectionError(Exception):
    """A selection names what the registry does not hold, or matches nothing."""


def pattern(text: str) -> re.Pattern[str]:
    """Return the expression for one pattern of the guide's language.

    `*` is any run of characters, `?` at most one; anchored, case-insensitive.
    Without a scheme the pattern is held against the wwwroot without its own.

    >>> bool(pattern("*.example.org").fullmatch("https://a.example.org"))
    True
    """
    if not text or not re.fullmatch(r"[\w*?.:/~\[\]-]+", text):
        raise SelectionError(
            f"{text!r} is not a pattern: use letters, digits, '.', ':', '/', '-', "
            "'_', '*' (any run) and '?' (at most one)"
        )
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

    hosts: Sequence[str] = ()  # wwwroots, or "*" for all
    matches: Sequence[str] = ()
    exclude: Sequence[str] = ()
    with_master: bool = False
    include_disabled: bool = field(default=False)

    def resolve(self) -> list[Tenant]:
        """Return the tenants in registry order; raise SelectionError if none."""
        tenants = list(Tenant.objects.with_edges().order_by("pk"))
        chosen = self._named(tenants) if self.hosts else tenants
        if self.matches:
            chosen = [t for t in chosen if _any(self.matches, t)]
        named = bool(self.hosts) and "*" not in self.hosts
        chosen = [
            tenant
            for tenant in chosen
            if (tenant.enabled or self.include_disabled or named)
            and (not tenant.is_main or self.with_master or named)
            and not _any(self.exclude, tenant)
        ]
        if not chosen:
            raise SelectionError("No tenant is selected: nothing was done")
        return chosen

    def _named(self, tenants: Iterable[Tenant]) -> list[Tenant]:
        if "*" in self.hosts:
            return list(tenants)
        wanted = [clean_wwwroot(host) for host in self.hosts]
        by_root = {tenant.wwwroot: tenant for tenant in tenants}
        unknown = [root for root in wanted if root not in by_root]
        if unknown:
            raise SelectionError(f"No such tenant: {', '.join(unknown)}")
        return [by_root[root] for root in dict.fromkeys(wanted)]


def _any(patterns: Sequence[str], tenant: Tenant) -> bool:
    return any(pattern(text).fullmatch(tenant.wwwroot) for text in patterns)
