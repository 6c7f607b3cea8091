"""Releases: installed Moodle code trees."""

import re
from pathlib import Path
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants import php
from tenants.models.server import Published
from tenants.serving import publish
from tenants.serving.boot import refuse_for_release
from tenants.validators import absolute_path, clean_settings, overlapping


class Release(Published):
    """One installed Moodle code tree. Its version is read from `version.php`."""

    published: ClassVar = ["path", "php", "forced_settings"]

    name = models.CharField(
        _("name"),
        max_length=80,
        unique=True,
        validators=[RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z")],
        help_text=_("Short name, such as 4.5 or 4.5-custom."),
    )
    path = models.CharField(
        _("path"),
        max_length=255,
        unique=True,
        validators=[absolute_path],
        help_text=_("Directory of the code tree on this machine."),
    )
    php = models.CharField(
        _("PHP"),
        max_length=255,
        default="php",
        validators=[RegexValidator(r"\A[A-Za-z0-9_./+-]+\Z")],
        help_text=_("PHP command-line binary for this tree."),
    )
    version = models.CharField(_("version"), max_length=20, editable=False)
    release = models.CharField(_("release"), max_length=80, editable=False)
    branch = models.CharField(_("branch"), max_length=10, editable=False)
    versions_hash = models.CharField(
        _("versions hash"),
        max_length=40,
        blank=True,
        editable=False,
        help_text=_("allversionshash that an up-to-date site of this tree has."),
    )
    forced_settings = models.JSONField(
        _("forced settings"),
        default=dict,
        blank=True,
        help_text=_("Moodle settings forced on its tenants."),
    )

    class Meta:
        ordering = ["-version", "name"]
        verbose_name = _("release")
        verbose_name_plural = _("releases")

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.version:
            self.read_version()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        from tenants.models.tenant import Tenant  # which refers to this model

        self.read_version()
        clean_settings(self.forced_settings)
        try:
            refuse_for_release(self.name, self.forced_settings)
        except publish.PublishError as error:
            raise ValidationError({"forced_settings": str(error)}) from error
        inside = overlapping("data_path", self.path)
        if taken := Tenant.objects.filter(inside).first():
            refused = _("%(path)s overlaps the data path of %(tenant)s")
            names = {"path": self.path, "tenant": taken}
            raise ValidationError({"path": refused % names})

    def read_version(self) -> None:
        """Read the version from the tree's `version.php` without running it."""
        try:
            path, text = self._version_php()
        except OSError as error:
            raise ValidationError(
                _(
                    "%(path)s cannot be read (%(why)s): let the user that VMoodle runs"
                    " as read it"
                ),
                params={"path": self.path, "why": error.strerror},
            ) from error
        kinds = {"version": r"[\d.]+", "release": "[^'\";]+", "branch": r"\w+"}
        for name, kind in kinds.items():
            value = re.search(rf"^\s*\${name}\s*=\s*['\"]?({kind})", text, re.M)
            if value is None:
                raise ValidationError(
                    _("%(path)s sets no $%(name)s: it is not Moodle's"),
                    params={"path": path, "name": name},
                )
            setattr(self, name, value[1].strip())

    def _version_php(self) -> tuple[Path, str]:
        tree = Path(self.path)
        for path in (tree / "version.php", tree / "public/version.php"):
            if path.is_file():
                return path, path.read_text(encoding="utf-8", errors="replace")
        missing = _(
            "%(path)s: there is no such directory; give the directory of an unpacked"
            " Moodle"
        )
        if tree.is_dir():
            missing = _(
                "%(path)s: there is no such version.php; give the directory of an"
                " unpacked Moodle"
            )
        raise ValidationError(missing, params={"path": self.path})

    def refresh(self) -> None:
        """Read the version and the versions hash of the tree as it is now.

        Raises PhpError or ValidationError when the tree cannot be read.
        """
        self.read_version()
        self.versions_hash = php.versions_hash(self.php, self.path)
        # Only these: an operator may have changed the rest while PHP ran.
        read = ["version", "release", "branch", "versions_hash"]
        self.save(update_fields=read if self.pk else None)
