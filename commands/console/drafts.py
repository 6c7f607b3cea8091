"""Drafts: runs that a page has prepared and nobody has started yet; who may."""

from collections.abc import Iterable
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from commands.base import find
from commands.models import Run

MAY_NOT = _("You lack the permission to run dangerous commands, as this is.")


def may_run(request: HttpRequest, *, dangerous: bool) -> bool:
    needed = "commands.dangerous" if dangerous else "commands.operate"
    return request.user.has_perm(needed)


def is_dangerous(run: Run) -> bool:
    """Whether a run is dangerous with the parameters that it has so far."""
    try:
        return run.form().is_dangerous()
    except ValidationError:  # it cannot start like this
        return find(run.command).dangerous


def draft(
    request: HttpRequest, tenants: Iterable[int], command: str, attributes: str = ""
) -> Run:
    """Return a draft of a run over the tenants of these pks."""
    forget_old_drafts()
    return Run.objects.create(
        command=command,
        attributes=attributes,
        targets=list(tenants),
        actor=request.user.get_username(),
    )


def forget_old_drafts() -> None:
    """Delete what was prepared and never started."""
    yesterday = timezone.now() - timedelta(days=1)
    Run.objects.filter(state=Run.State.DRAFT, created_at__lt=yesterday).delete()
