from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import PhpScript, register


@register
class PurgeCaches(PhpScript):
    """Purge the caches of the site.

    Without a choice all caches go. The next page of each visitor is slower, since
    Moodle builds its theme and its settings cache again. Nothing else is lost.

    Example of attributes: muc=1&theme=1
    """

    script = "admin/cli/purge_caches.php"
    frequent = True

    muc = forms.BooleanField(
        label=_("Application caches"),
        required=False,
        help_text=_("The application caches only (MUC)."),
    )
    theme = forms.BooleanField(required=False, help_text=_("The theme cache only."))
    lang = forms.BooleanField(
        label=_("Languages"),
        required=False,
        help_text=_("The language strings cache only."),
    )
    js = forms.BooleanField(
        label="JavaScript", required=False, help_text=_("The JavaScript cache only.")
    )
    filter = forms.BooleanField(
        label=_("Filtered text"),
        required=False,
        help_text=_("The cache of filtered text only."),
    )
    other = forms.BooleanField(
        required=False, help_text=_("The file caches and everything else.")
    )
