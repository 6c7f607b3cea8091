from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import PhpScript, register


@register
class Replace(PhpScript):
    """Replace a text everywhere in the site's database.

    Every text of every table but the settings, sessions, files and logs is written
    anew, without asking; texts inside serialised PHP may break. It cannot be undone:
    have a backup.

    Example of attributes: search=//old.example.org&replace=//new.example.org
    """

    script = "admin/tool/replace/cli/replace.php"
    fixed = ("--non-interactive",)
    not_options = ("replace", "delete")
    dangerous = True
    letters = {"replace": "r", "shorten": "S"}

    search = forms.CharField(
        max_length=1000, strip=False, help_text=_("The text to look for.")
    )
    replace = forms.CharField(
        required=False,
        max_length=1000,
        strip=False,
        help_text=_("The text to put there; longer than the other only with shorten."),
    )
    delete = forms.BooleanField(
        required=False, help_text=_("Put nothing there: the text is taken out.")
    )
    shorten = forms.BooleanField(
        required=False,
        help_text=_("Cut off what becomes too long for its column."),
    )
    skiptables = forms.RegexField(
        r"^\w+(,\w+)*$",
        required=False,
        max_length=1000,
        help_text=_("Tables to leave out, without prefix, separated by commas."),
    )

    def clean(self) -> None:
        old, new = (self.cleaned_data.get(name, "") for name in ("search", "replace"))
        if bool(new) == self.cleaned_data["delete"]:
            raise ValidationError(_("Give either the text to put there, or delete"))
        if len(new) > len(old) > 0 and not self.cleaned_data["shorten"]:
            raise ValidationError(
                _(
                    "The new text is longer than the old one: texts may not fit their "
                    "columns any more; give shorten to cut them off"
                )
            )

    def options(self) -> list[str]:
        return [*super().options(), f"--replace={self.cleaned_data['replace']}"]
