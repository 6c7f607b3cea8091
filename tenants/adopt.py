"""Adopt a code tree: make its config.php ask boot.php which tenant it serves."""

import os
from pathlib import Path

from django.conf import settings

from tenants.boot import php_literal
from tenants.models import Release


class AdoptError(Exception):
    """A code tree could not be adopted: one sentence says why."""


def config_php(release: Release) -> str:
    """Return the text of a release's config.php: three lines."""
    boot = php_literal(str(Path(settings.VMOODLE_BOOT_DIR, "boot.php")))
    public = "/public" if Path(release.path, "public/version.php").is_file() else ""
    return (
        "<?php\n"
        f"global $CFG; $CFG = (require {boot})(__DIR__);\n"
        f"require_once __DIR__ . '{public}/lib/setup.php';\n"
    )


def adopt(release: Release) -> Path | None:
    """Write the tree's config.php; return where a former one was kept, if any.

    The former file stays as `config.php.before-vmoodle`, numbered if there is one.
    """
    path = Path(release.path, "config.php")
    text = config_php(release)
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return None
        kept = _keep(path) if path.exists() else None
        fresh = path.with_name(f".config.php.{os.getpid()}")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise AdoptError(
            f"{path} cannot be written ({error.strerror}): make the tree writable for "
            "a moment, or use --print and write the file yourself"
        ) from error
    return kept


def _keep(path: Path) -> Path:
    number, kept = 0, path.with_name("config.php.before-vmoodle")
    while kept.exists():
        number += 1
        kept = path.with_name(f"config.php.before-vmoodle-{number}")
    os.link(path, kept)  # at no moment is there no config.php
    return kept
