"""The forms of the registry's pages: they write what was changed on them, no more.

Between a page and its form jobs, and other operators, change the row as well.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from tenants import held
from tenants.models import Journal, Tenant

SECRETS = {"admin_password", "db_password"}
CONFIDENTIAL = {*SECRETS, "forced_settings"}  # among which a password may be


def without_secrets(fields: Any) -> list[Any]:
    """Return the fields of a page, rows of several too, but what is confidential."""
    return [
        tuple(name for name in row if name not in CONFIDENTIAL)
        if isinstance(row, tuple)
        else row
        for row in fields
        if row not in CONFIDENTIAL
    ]


class FreshForm(forms.ModelForm):
    """Keeps what was changed after its page was shown, by somebody else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in self.fields.keys() - SECRETS:
                self.fields[name].show_hidden_initial = True

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.instance.pk:
            return cleaned
        changed = {*self.changed_data}
        if late := [name for name in self.fields if name in changed & self._stale()]:
            raise ValidationError(
                _(
                    "Meanwhile somebody else has changed the same (%(fields)s): open"
                    " the page again, and look"
                ),
                params={"fields": self._labels(late)},
            )
        for name in cleaned.keys() - changed - SECRETS:
            cleaned[name] = self._stored(name)
        return cleaned

    def _stored(self, name: str) -> Any:
        field = self.instance._meta.get_field(name)
        value = getattr(self.instance, name)
        return value.all() if field.many_to_many else value

    def _stale(self) -> set[str]:
        """Return the fields that are neither as the page has shown them, nor given."""
        found = set()
        for name, field in self.fields.items():
            shown_as, now = self[name].html_initial_name, self.initial.get(name)
            if field.show_hidden_initial and shown_as in self.data:
                shown = field.hidden_widget().value_from_datadict(
                    self.data, self.files, shown_as
                )
                if all(_differ(field, now, one) for one in (shown, self[name].data)):
                    found.add(name)
        return found

    def _labels(self, names: list[str]) -> str:
        return ", ".join(str(self.fields[name].label).lower() for name in names)

    def _refuse_while_held(self, tenants: Any, names: tuple[str, ...]) -> None:
        """Refuse to change fields by which jobs find what they are at work on."""
        given = self.cleaned_data
        changed = [
            name
            for name in names
            if name in given and given[name] != getattr(self.instance, name)
        ]
        if self.instance.pk and changed and (why := held.refusal(tenants())):
            raise ValidationError(
                _("%(why)s, before you change: %(fields)s"),
                params={"why": why, "fields": self._labels(changed)},
            )


def _differ(field: forms.Field, stored: Any, sent: Any) -> bool:
    if isinstance(stored, str) and isinstance(sent, str):
        return stored.splitlines() != sent.splitlines()  # browsers end lines their way
    return field.has_changed(stored, sent)


class SecretForm(FreshForm):
    """Never shows a stored password, and keeps it when the field is left empty."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in SECRETS & set(self.fields):
            self.fields[name].widget = forms.PasswordInput(
                attrs={"autocomplete": "new-password"}
            )
            self.fields[name].required = False
            if self.instance.pk:
                self.fields[name].help_text = _("Leave empty to keep the stored one.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name in SECRETS & set(self.fields):
            cleaned[name] = cleaned.get(name) or getattr(self.instance, name)
        return cleaned


class ServerPageForm(SecretForm):
    """Leaves a server where it is while jobs are at work there."""

    PLACE = ("host", "port", "socket", "accounts_from")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self._refuse_while_held(lambda: held.on_server(self.instance), self.PLACE)
        return cleaned


class ReleasePageForm(FreshForm):
    """Leaves a code tree where it is while jobs are at work there."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self._refuse_while_held(lambda: held.on_release(self.instance), ("path",))
        return cleaned


class TenantForm(SecretForm):
    """Leaves to a job what it holds, and to commands what is not whole."""

    PLACE = (
        *("wwwroot", "shortname", "release", "enabled", "is_main", "data_path"),
        *("server", "db_type", "db_name", "db_prefix", "db_user", "db_password"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "wwwroot" in self.fields:
            self.fields["wwwroot"].help_text = _(
                "Corrects the registry only: the old address answers 404 at once. To"
                " give a site another one, with its texts and its peers, use Rename."
            )
        for name in {"release", "server"} & set(self.fields):
            # A tenant's page is no place to change or delete what others have too.
            widget = self.fields[name].widget
            widget.can_add_related = widget.can_change_related = False
            widget.can_delete_related = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        itself = Tenant.objects.filter(pk=self.instance.pk)
        self._refuse_while_held(lambda: itself, self.PLACE)
        if cleaned.get("enabled") and "enabled" in self.changed_data:
            self._refuse_to_enable()
        if self.instance.pk and "data_path" in self.changed_data:
            self._refuse_no_directory(cleaned.get("data_path"))
        return cleaned

    def _refuse_no_directory(self, path: str | None) -> None:
        """Refuse to send a site's pages where no files are: each would be an error."""
        with suppress(PermissionError):  # only the web server's user may look there
            if path and not Path(path).is_dir():
                why = _("There is no such directory: move the files there first.")
                self.add_error("data_path", why)

    def _refuse_to_enable(self) -> None:
        """Refuse what is not whole, or was deleted: a command brings that back."""
        if Journal.objects.filter(tenant=self.instance.pk).exists():
            why = _("It is half made or half restored: run manage.py doctor --fix.")
            raise ValidationError({"enabled": why})
        if self.instance.deleted_at:
            raise ValidationError({"enabled": _("It is deleted: use Bring back.")})
