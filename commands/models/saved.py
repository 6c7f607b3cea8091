"""Commands that are kept, to be run again on whatever their selection then means."""

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from commands.base import UnknownCommand, find
from commands.models.run import Run
from commands.validation import invalid


class SavedCommand(models.Model):
    """A command with its parameters and a selection of tenants, under a name."""

    name = models.CharField(
        _("name"),
        max_length=80,
        unique=True,
        validators=[RegexValidator(r"\A\w[\w. -]*\Z")],
        help_text=_("Letters, digits, spaces, '.', '_' and '-'."),
    )
    command = models.CharField(
        _("command"),
        max_length=80,
        help_text=_("Such as upgrade/Upgrade or generic/SetConfig."),
    )
    attributes = models.TextField(
        _("parameters"),
        blank=True,
        help_text=_("A querystring: name=value&name=value."),
    )
    selection = models.TextField(
        _("selection"),
        blank=True,
        help_text=_(
            "The shell's options that choose tenants, such as --tag=school "
            "--exclude=test*; empty: all enabled tenants but the main one. They are "
            "looked up anew at each run."
        ),
    )
    note = models.TextField(_("note"), blank=True, help_text=_("What it is for."))
    saved_by = models.CharField(_("saved by"), max_length=150, editable=False)
    saved_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = _("saved command")
        verbose_name_plural = _("saved commands")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what could not be run; take the command's own spelling over."""
        if not self.command:
            return  # that it is missing is told already
        try:
            self.command = find(self.command).name()
        except UnknownCommand as error:
            raise ValidationError({"command": str(error)}) from error
        if secret := find(self.command).secret_names():
            why = _("%(command)s takes %(names)s, which is never kept: run it by hand")
            given = {"command": self.command, "names": ", ".join(secret)}
            raise ValidationError({"command": invalid(why, **given)})
        form = Run(command=self.command, attributes=self.attributes).form()
        if form.secrets():
            why = _("They hold a secret, which is never kept: run it by hand")
            raise ValidationError({"attributes": why})
        self.attributes = form.attributes()

    def draft(self, actor: str, origin: str, targets: list[int]) -> Run:
        """Return a draft of a run of it over these tenants, by pk."""
        return Run(
            command=self.command,
            attributes=self.attributes,
            targets=targets,
            actor=actor,
            origin=origin,
        )
