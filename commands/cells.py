"""Cells that were picked, of which sites and in which rows, as a parameter.

A line is sites, a space, rows: `https://a.example.org,https://b.example.org mod/quiz`.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.validation import invalid
from tenants.models import Tenant
from tenants.wwwroot import clean_wwwroot

Cells = dict[str, frozenset[str]]  # names of rows, by wwwroot
PLAIN = "/:>"  # what else a row may hold as it is


class CellsField(forms.CharField):
    """Picked cells; the cleaned value is the rows by wwwroot, empty for all cells."""

    widget = forms.Textarea(attrs={"rows": 3})

    def clean(self, value: Any) -> Cells:
        picked: dict[str, set[str]] = {}
        for line in super().clean(value).splitlines():
            if not line.strip():
                continue
            sites, space, rows = line.strip().partition(" ")
            if not space:
                raise invalid(
                    _(
                        "%(line)r is not of the form SITE,SITE ROW,ROW: the wwwroots, "
                        "a space, and the rows of these sites"
                    ),
                    line=line.strip(),
                )
            names = {unquote(row) for row in rows.strip().split(",") if row}
            for site in sites.split(","):
                picked.setdefault(clean_wwwroot(site), set()).update(names)
        _check_sites(picked)
        return {site: frozenset(rows) for site, rows in picked.items()}


def _check_sites(picked: Iterable[str]) -> None:
    wanted = set(picked)
    known = Tenant.objects.filter(wwwroot__in=wanted)
    if unknown := wanted - set(known.values_list("wwwroot", flat=True)):
        raise invalid(_("No such tenant: %(name)s"), name=", ".join(sorted(unknown)))


def written(picked: Mapping[str, Iterable[str]]) -> str:
    """Return cells as the field reads them, sites with the same rows in one line.

    >>> written({"https://a": ["mod/quiz"], "https://b": ["mod/quiz"]})
    'https://a,https://b mod/quiz'
    """
    lines: dict[str, list[str]] = {}
    for site, names in picked.items():
        rows = ",".join(quote(name, safe=PLAIN) for name in sorted(names))
        lines.setdefault(rows, []).append(site)
    return "\n".join(f"{','.join(sites)} {rows}" for rows, sites in lines.items())
