import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import Command, Steps, refuse_secrets, register, split_options
from commands.validation import invalid
from tenants import php
from tenants.models import Tenant

PART = re.compile(r"\w[\w.+-]*", re.ASCII)  # of a path: no "..", no hidden file


@register
class Script(Command):
    """Run any command-line script of the site's code tree, a plugin's as well.

    What it changes is the script's affair. The job fails unless the script ends with
    exit code 0.

    Example of attributes: script=admin/cli/cfg.php&arguments=--name%3Dlang
    """

    dangerous = True

    script = forms.CharField(
        max_length=255,
        help_text=_("Path of a .php file below a cli directory: admin/cli/cfg.php."),
    )
    arguments = forms.CharField(
        required=False,
        max_length=50_000,
        help_text=_("The rest of its command line, quoted as in a shell."),
    )

    def clean_script(self) -> str:
        path: str = self.cleaned_data["script"]
        *directories, name = path.split("/")
        sound = all(PART.fullmatch(part) for part in (*directories, name))
        if not sound or "cli" not in directories or not name.endswith(".php"):
            raise invalid(
                _(
                    "%(path)r is no command-line script: give the path of a .php file "
                    "below a cli directory, such as admin/cli/cfg.php"
                ),
                path=path,
            )
        return path

    def clean_arguments(self) -> str:
        text: str = self.cleaned_data["arguments"]
        words = split_options(text)
        refuse_secrets(self.cleaned_data.get("script", ""), words)
        for word in words:
            if word == "--":
                break
            if word == "--host" or word.startswith("--host="):
                raise invalid(
                    _(
                        "%(word)r is set by VMoodle: leave it out (if the script has "
                        "such an option, give it behind '--')"
                    ),
                    word=word,
                )
        return text

    def run(self, tenant: Tenant) -> Steps:
        values: dict[str, Any] = self.cleaned_data
        words = split_options(values["arguments"])
        code = yield from php.run(tenant, values["script"], words, job=self.job)
        return {"exit_code": code}
