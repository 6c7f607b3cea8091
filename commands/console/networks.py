"""The pages of MNet: the networks, one of them, and the service strategies."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from commands.console.drafts import draft, may_run
from commands.console.views import page
from commands.models import Run
from commands.validation import kept
from mnet import binding, networks, platform
from mnet.models import STANDARD, Strategy, WebPhp
from mnet.picture import BY_HAND, FINE, NONE, WAITS, Cell, Member, Picture, picture
from mnet.sites import lacks_mnet
from tenants import moodledb
from tenants.models import Release, Tenant

INIT, CHECK = "mnet/InitMnetNode", "mnet/CheckMnet"
SHOWN = 4  # sentences about one site
ICONS = {
    FINE: "✓",
    WAITS: "◷",
    BY_HAND: "·",
    NONE: "",
    binding.UNKNOWN: "✕",
    binding.KEY: "≠",
    binding.SERVICES: "~",
    binding.KNOWN: "!",
}
LEGEND = [
    (FINE, _("knows it, with the services of the strategy")),
    (binding.UNKNOWN, _("shall know it, and does not")),
    (binding.KEY, _("has another key of it")),
    (binding.SERVICES, _("has other services with it")),
    (WAITS, _("one of them is not ready")),
]
BADGES: dict[str, str] = {
    WebPhp.Opens.YES: "succeeded",
    WebPhp.Opens.NO: "failed",
    WebPhp.Opens.UNKNOWN: "skipped",
}
# What is ticked: both ways within a sub-network, where all are alike.
WAYS = {
    "main": ["publish", "subscribe"],
    "subnetwork": ["both"],
    "default": ["publish", "subscribe"],
}

BOXES = {
    "publish": _("%(name)s: %(kind)s, publish"),
    "subscribe": _("%(name)s: %(kind)s, subscribe"),
    "both": _("%(name)s: %(kind)s, both"),
}
CHANGED = _("Somebody else has changed them meanwhile: look again; nothing was saved")


@permission_required("tenants.view_tenant", raise_exception=True)
def networks_page(request: HttpRequest) -> HttpResponse:
    """List the networks; what they tell is the registry's, no site is asked."""
    rows = Tenant.objects.living().values("network").order_by("network")
    return page(
        request,
        "networks",
        gettext("MNet networks"),
        networks=rows.annotate(tenants=Count("pk"), expires=Min("mnet_expires_at")),
        now=timezone.now(),
        hours=settings.VMOODLE_MNET_RENEW_HOURS,
        shell=_shell(),
    )


@permission_required("tenants.view_tenant", raise_exception=True)
def network_page(request: HttpRequest, number: int) -> HttpResponse:
    """Show who knows whom in a network, and what is wrong."""
    found = _picture(number)
    columns = [m for m in found.members if number or m.tenant.is_main]
    web = WebPhp.objects.in_bulk([member.tenant.pk for member in found.members])
    lacking = [m for m in found.members if _lacks_rc4(web.get(m.tenant.pk))]
    rows = [_row(m, web.get(m.tenant.pk)) for m in found.members]
    return page(
        request,
        "network",
        title(number),
        picture=found,
        rows=rows,
        hindered=sum(row["is_wrong"] for row in rows),
        lacking=len(lacking),
        mend=platform.mend(lacking[0].tenant.release.php) if lacking else [],
        heads=[_short(member.tenant) for member in columns],
        lines=[
            (_short(member.tenant), [_shown(cell) for cell in cells])
            for member, cells in zip(found.members, found.cells, strict=False)
        ],
        legend=[(kind, ICONS[kind], words) for kind, words in LEGEND],
        now=timezone.now(),
        shell=_shell(number),
    )


def _shell(number: int | None = None) -> str:
    main = Tenant.objects.filter(is_main=True).first()
    if number is None or main is None:
        return "manage.py bulkinitmnet --with-master"
    return f"manage.py bulkinitmnet --network={number} --also={main} --with-master"


def address(number: int) -> str:
    """Return where the page of a network is; of those without one, the list."""
    if number == networks.OFF:
        return reverse("admin:commands_networks")
    return reverse("admin:commands_network", args=[number])


def title(number: int) -> str:
    if number == networks.OFF:
        return gettext("MNet is off")
    if number == networks.MAIN_ONLY:
        return gettext("With the main tenant only")
    return gettext("Sub-network %(number)s") % {"number": number}


def _picture(number: int) -> Picture:
    if not Tenant.objects.living().filter(network=number).exists():
        raise Http404(f"No tenant is in network {number}")
    return picture(number)


def _short(tenant: Tenant) -> str:
    return tenant.wwwroot.partition("://")[2]


def _lacks_rc4(web: WebPhp | None) -> bool:
    return web is not None and web.opens == WebPhp.Opens.NO


def _row(member: Member, web: WebPhp | None) -> dict[str, Any]:
    """Return what the table tells of a site."""
    wrong = [change.said() for change in member.changes]
    expires = member.site.expires
    return {
        "tenant": member.tenant,
        "shown": _short(member.tenant),
        "member": member,
        "web": web,
        "badge": BADGES[web.opens] if web else "",
        "trouble": member.site.trouble,
        "is_wrong": bool(member.site.trouble or wrong or _lacks_rc4(web)),
        "wrong": wrong[:SHOWN],
        "more": max(0, len(wrong) - SHOWN),
        "others": member.others[:SHOWN],
        "more_others": max(0, len(member.others) - SHOWN),
        "expires": expires and datetime.fromtimestamp(expires, UTC),
    }


def _shown(cell: Cell) -> dict[str, str]:
    """Return a cell as the page has it: what it has, and what it shall have."""
    words = {**dict(LEGEND), BY_HAND: _("bound by hand"), NONE: ""}.get(cell.kind, "")
    told = [str(words)] if words else []
    if cell.services:
        told.append(_said(cell.services))
    if cell.wanted and cell.wanted != cell.services:
        told.append(gettext("shall be: %s") % _said(cell.wanted))
    return {"kind": cell.kind, "icon": ICONS[cell.kind], "title": "; ".join(told)}


def _said(services: Any) -> str:
    arrows = {(True, True): "⇄", (True, False): "→", (False, True): "←"}
    return ", ".join(
        f"{name} {arrows[ways]}" for name, ways in sorted(services.items())
    )


@require_POST
@permission_required("commands.operate", raise_exception=True)
def repair(request: HttpRequest, number: int) -> HttpResponse:
    """Prepare a run that mends what is wrong in a network."""
    ailing = [member.tenant for member in _picture(number).ailing]
    if not ailing:
        messages.info(request, _("Nothing is wrong that a run could mend."))
        return redirect("admin:commands_network", number)
    return _prepared(request, ailing)


@require_POST
@permission_required("commands.operate", raise_exception=True)
def prove(request: HttpRequest, number: int) -> HttpResponse:
    """Prepare a run that lets the sites of a network call each other."""
    members = _picture(number).members
    enabled = [member.tenant for member in members if member.tenant.enabled]
    return _prepared(request, enabled, CHECK)


@require_POST
@permission_required("commands.operate", raise_exception=True)
def apply_strategies(request: HttpRequest) -> HttpResponse:
    """Prepare a run that binds all tenants by the strategies as they are now."""
    tenants = Tenant.objects.living().exclude(network=networks.OFF)
    if not tenants.exists():
        messages.info(request, _("No tenant is in a network."))
        return redirect("admin:commands_strategies")
    return _prepared(request, list(tenants))


def _prepared(
    request: HttpRequest,
    tenants: Sequence[Tenant],
    command: str = INIT,
) -> HttpResponse:
    if not may_run(request, dangerous=False):
        raise PermissionDenied
    attributes = "roles=user" if command == INIT else ""
    run = draft(request, (tenant.pk for tenant in tenants), command, attributes)
    Run.objects.filter(pk=run.pk).update(parallel=settings.VMOODLE_WORKERS)
    return redirect("admin:commands_run_confirm", run.pk)


@permission_required("mnet.view_strategy", raise_exception=True)
def strategies_page(request: HttpRequest) -> HttpResponse:
    """Show the services of each kind of bond, and take over what is ticked."""
    stored = Strategy.all()
    names = sorted({*STANDARD, *offered(), *(n for s in stored.values() for n in s)})
    if request.method == "POST":
        if not request.user.has_perm("mnet.change_strategy"):
            raise PermissionDenied
        try:
            with transaction.atomic():
                list(Strategy.objects.select_for_update())
                if request.POST.get("shown", _told(stored)) != _told(Strategy.all()):
                    raise ValidationError(CHANGED)
                _store(request, names)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, _("Saved. Sites change when it is applied."))
        return redirect("admin:commands_strategies")
    return page(
        request,
        "strategies",
        gettext("Service strategies"),
        kinds=[(k, label, WAYS[k]) for k, label in Strategy.Kind.choices],
        lines=[(name, _boxes(name, stored)) for name in names],
        shown=_told(stored),
        may_change=request.user.has_perm("mnet.change_strategy"),
        shell=_shell(),
    )


def _told(stored: dict[str, Any]) -> str:
    """Return all strategies as a text, to be compared."""
    return json.dumps(stored, sort_keys=True)


def _boxes(name: str, stored: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Return (name, label, whether it is ticked) of a service's boxes."""
    found = []
    for kind, ways in WAYS.items():
        publish, subscribe = stored[kind].get(name, (False, False))
        ticked = {"publish": publish, "subscribe": subscribe, "both": publish}
        label = {"name": name, "kind": Strategy.Kind(kind).label}
        found += [
            (f"{kind}.{name}.{way}", BOXES[way] % label, ticked[way]) for way in ways
        ]
    return found


def _store(request: HttpRequest, names: Sequence[str]) -> None:
    """Store the strategies that are ticked, and who did it."""
    for kind, ways in WAYS.items():
        services = {}
        for name in names:
            on = [f"{kind}.{name}.{way}" in request.POST for way in ways]
            if any(on):
                services[name] = on if len(on) > 1 else on * 2
        row = Strategy.objects.filter(kind=kind).first() or Strategy(kind=kind)
        if row.pk and row.services == services:
            continue
        row.services = services
        row.full_clean()
        row.save()
        with kept():
            LogEntry.objects.log_actions(
                request.user.pk or 0,
                [row],
                CHANGE,
                f"{kind}: {services}",
                single_object=True,
            )


def offered() -> set[str]:
    """Return the services that the sites have, one site of each release asked."""
    by_release: dict[Release, Tenant] = {
        tenant.release: tenant
        for tenant in Tenant.objects.enabled().living().with_edges()
    }
    asked = [t for release, t in by_release.items() if not lacks_mnet(release)]

    def parts(tenant: Tenant) -> list[moodledb.Part]:
        table = moodledb.table(tenant, "mnet_service")
        return [(f"{moodledb.utf8('name')} FROM {table} WHERE offer = 1", ())]

    found = moodledb.each(asked, parts)
    return {
        name
        for rows in found.values()
        if not isinstance(rows, moodledb.MoodleDbError)
        for (name,) in rows
    }


PAGES: list[tuple[str, Callable[..., HttpResponse], str]] = [
    ("networks/", networks_page, "networks"),
    ("networks/<int:number>/", network_page, "network"),
    ("networks/<int:number>/repair/", repair, "network_repair"),
    ("networks/<int:number>/prove/", prove, "network_prove"),
    ("strategies/", strategies_page, "strategies"),
    ("strategies/apply/", apply_strategies, "strategies_apply"),
]
