"""Run PHP command-line scripts. Nothing else starts PHP.

A script runs in its own process group, with a clean environment, no terminal, a
deadline and a memory limit, and its output is streamed line by line. It dies with
the process that started it.
"""

import json
import os
import pwd
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _

from tenants.process import Lines, PhpError, as_web_user, ended, follow
from tenants.serving.boot import boot_file, php_literal

if TYPE_CHECKING:  # models imports this module
    from tenants.models import Release, Tenant

__all__ = ["Lines", "PhpError", "feed", "refuse_foreign", "run", "script_path"]

PROBE = Path(__file__).parent / "moodle" / "versions_hash.php"
# They include Moodle's language files again and again: 2 to 4 GB by the file cache.
HEAVY = ("admin/cli/install_database.php", "admin/cli/upgrade.php")
HEAVY_VALUES = (
    "opcache.file_cache=",
    "opcache.memory_consumption=256",
    "opcache.max_accelerated_files=20000",
    # Most of an upgrade runs once: optimising it costs more than it saves.
    "opcache.optimization_level=0",
    "opcache.interned_strings_buffer=16",
    # Moodle writes files that it reads again.
    "opcache.validate_timestamps=1",
    "opcache.revalidate_freq=0",
    # Moodle's upgrade resets its own OPcache, and would go on without.
    "disable_functions=opcache_reset",
)
DEFINITIONS = Path(__file__).parent / "moodle" / "cache_definitions.php"
# What it extends, as Moodle 4.2 and 4.3 have it, by the file that has it.
EXTENDED = {
    "cache/classes/factory.php": "function get_disabled_writer(): cache_config_writer",
    "cache/classes/config.php": "function load($configuration = false)",
    "cache/locallib.php": "static function update_definitions($coreonly = false)",
}


def script_path(tree: str, script: str) -> str:
    """Return where the tree holds the script; since 5.1 most lie in `public/`."""
    for path in (f"{tree}/{script}", f"{tree}/public/{script}"):
        if os.path.isfile(path):  # noqa: PTH113 - once a job, and ten times faster
            _refuse_outside(tree, path)
            return path
    raise PhpError(f"{tree} has no {script}: this release does not ship it")


def _refuse_outside(tree: str, script: str) -> None:
    """Raise PhpError for a link to another tree: PHP includes what lies beside it."""
    if script.startswith(f"{tree}/public/"):
        _refuse_own_config(Path(tree, "public/config.php"))
    real = os.path.realpath(script)
    if not real.startswith(f"{os.path.realpath(tree)}/"):
        raise PhpError(
            f"{script} leads to {real}, where it would serve another tree's sites: put "
            "the script itself there"
        )


def _refuse_own_config(config: Path) -> None:
    """Raise PhpError if the config.php in `public/` does not lead to the tree's."""
    if config.is_file() and b"/../config.php" not in config.read_bytes():
        raise PhpError(
            f"{config} chooses the site without VMoodle: put back the one that Moodle "
            "ships, which leads to the config.php above it"
        )


def refuse_foreign(release: "Release") -> None:
    """Raise PhpError if the tree's config.php chooses the site without us.

    What runs there would be done to a site that nobody has named.
    """
    config = f"{release.path}/config.php"
    try:
        now = os.stat(config)  # noqa: PTH116 - once a job, and ten times faster
        seen = (now.st_mtime_ns, now.st_ino, now.st_size)
        asks_us = _asks_us(config, settings.VMOODLE_BOOT_DIR, seen)
    except OSError:
        asks_us = False
    if asks_us:
        return
    if not Path(release.path).is_dir():
        raise PhpError(f"{release.path} is missing: check the path of {release}")
    raise PhpError(
        f"{config} does not ask VMoodle which tenant it serves: run manage.py "
        f"adopt_release {release}"
    )


@lru_cache(64)
def _asks_us(config: str, boot: Path, seen: tuple[int, ...]) -> bool:
    """Whether config.php, as it was seen, needs our boot.php."""
    text = Path(config).read_text(encoding="utf-8", errors="replace")
    return php_literal(str(boot_file("boot").absolute())) in text


def run(
    tenant: "Tenant",
    script: str | Path,
    options: Sequence[str] = (),
    *,
    job: int | None = None,
    timeout: float | None = None,
    accept: Sequence[int] = (0,),
    stdin: str = "",
) -> Lines:
    """Yield the lines a Moodle script prints, None when half a second brought none.

    `script` is relative to the code tree, such as `admin/cli/upgrade.php`, or the
    Path of one of ours; the tenant is chosen by `--host`. It reads `stdin`, then the
    end of the file. Standard error comes in the same stream. Returns the exit code,
    which is one of `accept`; raises PhpError otherwise, or after `timeout` seconds.
    Closing the generator kills the script and its children. Nothing is run in a tree
    that serves another installation's sites.
    """
    release = tenant.release
    refuse_foreign(release)
    argv = [
        *as_web_user(job),
        release.php,
        *php_options(release.path, str(script)),
        str(script) if isinstance(script, Path) else script_path(release.path, script),
        f"--host={tenant.wwwroot}",
        *options,
    ]
    tail: deque[str] = deque(maxlen=5)
    seconds = timeout or settings.VMOODLE_JOB_MAX_SECONDS
    code = yield from follow(argv, job, seconds, tail, stdin)
    if code not in accept:
        said = " / ".join(tail)[-600:] or "it printed nothing"
        raise PhpError(f"{script} ended with exit code {code}: {said}", code)
    return code


def php_options(tree: str, script: str = "") -> list[str]:
    """Return the `-d` options that a script of this code tree runs with.

    OPcache makes an upgrade, and a small script, twice as fast. A small one takes
    what it needs from a file cache, one directory per tree, since compiled files
    hold its paths. A heavy one would take, and keep, memory at every inclusion of a
    file: it has shared memory instead. Both at once crash PHP 8.2. And where Moodle
    offers it, it remembers the definitions of its caches: a quarter of an upgrade.
    """
    name = tree.strip("/").replace("/", "-")
    if user := settings.VMOODLE_WEB_USER:
        name = f"{user}@{name}"  # OPcache writes what its own user alone may read
    cache = f"{settings.VMOODLE_PHP_CACHE_DIR}/{name}"
    if not os.path.isdir(cache):  # noqa: PTH112 - once a job, and ten times faster
        _make_cache(Path(cache), user)
    small = (f"opcache.file_cache={cache}", "opcache.file_cache_only=1")
    own = (*HEAVY_VALUES, *_remembering(tree)) if script in HEAVY else small
    # The stack of an error goes into the log: without values, such as a password.
    common = "zend.exception_ignore_args=1", "max_input_vars=6000"
    values = (*common, "opcache.enable_cli=1", *own)
    return [part for value in values for part in ("-d", value)]


def _remembering(tree: str) -> tuple[str, ...]:
    """Return what makes Moodle remember its caches' definitions, () where it cannot."""
    for name, text in EXTENDED.items():
        file = Path(tree, name)
        if not file.is_file() or text not in file.read_text("utf-8", "replace"):
            return ()
    return (f"auto_prepend_file={DEFINITIONS}",)


def _make_cache(cache: Path, user: str) -> None:
    """Make the directory, writable by the user: PHP would not start otherwise."""
    parent = cache.parent
    try:
        parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
        if user:
            group = settings.VMOODLE_WEB_GROUP or pwd.getpwnam(user).pw_gid
            shutil.chown(fresh, group=group)
            fresh.chmod(0o770)
            if not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
        try:
            fresh.replace(cache)
        except OSError:  # another process was first, and PHP has filled it
            fresh.rmdir()
    except (OSError, LookupError) as error:
        raise PhpError(
            f"{cache}, PHP's cache, cannot be made: {error}; check "
            "VMOODLE_PHP_CACHE_DIR, VMOODLE_WEB_USER and VMOODLE_WEB_GROUP"
        ) from error


def versions_hash(php: str, tree: str) -> str:
    """Return the `allversionshash` of a code tree, computed without a database."""
    return _probe(php, tree, "hash", r"[0-9a-f]{40}")


@lru_cache(64)
def versions(php: str, tree: str, versions_hash: str) -> dict[str, str]:
    """Return the version of each plugin of a code tree, such as `mod_quiz`.

    Read once for each `versions_hash`, the one that the registry knows.
    """
    found = json.loads(_probe(php, tree, "all", r"\{.*\}"))
    return {name: str(version) for name, version in found.items()}


def _probe(php: str, tree: str, wanted: str, fits: str) -> str:
    argv = [*as_web_user(None), php, *php_options(tree), str(PROBE), tree, wanted]
    failure = _("%(php)s cannot read the versions of %(tree)s")
    done = ended(argv, failure % {"php": php, "tree": tree}, timeout=60)
    answer = done.stdout.strip().rpartition("\n")[2]
    if done.returncode != 0 or not re.fullmatch(fits, answer):
        said = (done.stderr or done.stdout).strip().partition("\n")[0][:300]
        unread = _("the plugin versions of %(tree)s cannot be read: %(said)s")
        raise PhpError(unread % {"tree": tree, "said": said})
    return answer


def feed(php: str, script: Path, lines: Iterable[str]) -> list[str]:
    """Return the lines that a script of ours prints, fed these on standard input."""
    text = "".join(f"{line}\n" for line in lines)
    argv = [php, "-n", str(script)]
    done = ended(argv, f"{php} cannot run {script.name}", timeout=300, text=text)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-300:]
        raise PhpError(f"{script.name} failed: {said}", done.returncode)
    return done.stdout.splitlines()
