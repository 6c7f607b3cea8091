"""Adopt a code tree: make its config.php ask boot.php which tenant it serves."""

import os
from pathlib import Path

from tenants.errors import VMoodleError
from tenants.models import Release
from tenants.serving import publish
from tenants.serving.boot import boot_file, php_literal


class AdoptError(VMoodleError):
    """A code tree could not be adopted: one sentence says why."""


def config_php(release: Release) -> str:
    """Return the text of a release's config.php."""
    boot = _boot_php()
    public = "/public" if Path(release.path, "public/version.php").is_file() else ""
    return (
        "<?php\n"
        "global $CFG;\n"
        f"$CFG = (require {boot})(__DIR__);\n"
        f"require_once __DIR__ . '{public}/lib/setup.php';\n"
    )


def is_adopted(release: Release) -> bool:
    """Return whether the tree's config.php is the one `adopt` would write."""
    try:
        return _config(release).read_bytes() == config_php(release).encode()
    except OSError:
        return False


def _boot_php() -> str:
    return php_literal(str(boot_file("boot").absolute()))


def adopt(release: Release) -> Path | None:
    """Write the tree's config.php; return where a former one was kept, if any.

    The former file stays as `config.php.before-vmoodle`, numbered if there is one.
    """
    config = _config(release)
    if not Path(release.path).is_dir():
        raise AdoptError(f"{release.path} is missing: check the path of {release}")
    publish.prepare()  # from now on config.php needs boot.php
    try:
        kept = _keep(config) if config.exists() else None
        fresh = _written(config, config_php(release).encode(), 0o644)
        fresh.replace(config)
    except OSError as error:
        raise AdoptError(
            f"{config} cannot be written ({error.strerror}): make the tree writable "
            "for a moment, or use --print and write the file yourself"
        ) from error
    return kept


def _config(release: Release) -> Path:
    return Path(release.path, "config.php")


def _keep(config: Path) -> Path:
    """Copy the file under the first free name, readable by its owner alone.

    It holds a password, and a web server would show what does not end in `.php`.
    """
    fresh = _written(config, config.read_bytes(), 0o600)
    number = 0
    try:
        while True:
            end = f"-{number}" if number else ""
            kept = config.with_name(f"config.php.before-vmoodle{end}")
            try:
                os.link(fresh, kept)
            except FileExistsError:
                number += 1
            else:
                return kept
    finally:
        fresh.unlink()


def _written(config: Path, data: bytes, mode: int) -> Path:
    """Write a temporary file beside it and return where."""
    fresh = config.with_name(f".config.php-{os.getpid()}-{os.urandom(6).hex()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(fd, mode)
        os.fsync(fd)
    return fresh
