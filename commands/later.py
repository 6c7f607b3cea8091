"""The base of commands that are done later, each tenant at a time of its own."""

import random
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from commands.base import Command

LONGEST = 7 * 24 * 60  # minutes


class LaterCommand(Command):
    """Holds each job back for `delay` to `delay + spread` minutes, at random.

    What `refusals` can tell is told at once all the same.
    """

    delay = forms.IntegerField(
        initial=60,
        min_value=0,
        max_value=LONGEST,
        help_text=_("Minutes to wait at least before it is done; 0: at once."),
    )
    spread = forms.IntegerField(
        initial=60,
        min_value=0,
        max_value=LONGEST,
        help_text=_("Minutes over which the tenants' times are spread, at random."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = [name for name in self.fields if name not in ("delay", "spread")]
        self.order_fields([*own, "delay", "spread"])

    def not_before(self) -> datetime | None:
        hold = self.hold()
        return timezone.now() + hold if hold else None

    def hold(self) -> timedelta:
        """Return how long one job waits; another one waits otherwise."""
        least, more = self.cleaned_data["delay"], self.cleaned_data["spread"]
        return timedelta(minutes=least + random.uniform(0, more))  # noqa: S311
