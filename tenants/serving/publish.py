"""Publish tenants for the web server and PHP: boot files and site links.

The registry is never on the request path: `<boot dir>/<key>.php` returns what
`boot.php` needs of one tenant, `<sites dir>/<key>` links to its code tree.

`<key>.php` is a link to a file named after its contents. So it is flipped, and
flipped back, by one rename; and OPcache, however long it keeps a compiled file, never
serves a former one. `docs/boot.md` tells the operator's side of it.
"""

import errno
import grp
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from tenants import php
from tenants.serving import subpath
from tenants.serving.boot import (
    RESERVED,
    PublishError,
    boot_dir,
    boot_file,
    boot_text,
    boot_values,
    code_tree,
    fleet_values,
    former_keys,
    moved_text,
)

if TYPE_CHECKING:  # models imports this module
    from tenants.models import Tenant

__all__ = ["PublishError", "differences", "publish", "rebuild", "unpublish", "verify"]

BOOT = Path(__file__).parents[1] / "moodle" / "boot.php"
READ_BACK = BOOT.with_name("read_back.php")
VERSION = "@"  # begins the name of what a key links to; stands in no host name
FRESH = ".new-"  # begins the name of what is being written
ABANDONED = 3600  # seconds after which a file being written is a crash's

Steps = list[tuple[str, Callable[[], object]]]


def publish(tenant: "Tenant") -> None:
    """Write the tenant's boot file and its site link: both, or neither."""
    with _explained(tenant.wwwroot):
        text, tree = boot_text(tenant), code_tree(tenant)
        prepare()
        _put(tenant.key, text, tree)
        for key in former_keys(tenant):
            _put(key, moved_text(tenant), tree)


def _put(key: str, text: str, tree: str) -> None:
    """Put a key's boot file and all its links in place."""
    former = _target(site_link(key))
    with subpath.linked(tree, key):
        _flip(key, text, tree)
    if former != tree:
        with suppress(PublishError):  # `verify` tells of it, make_subdirs mends it
            _unlink(former, key)


def unpublish(key: str) -> None:
    """Remove what `publish` wrote; no error when it is not there."""
    if key in RESERVED:
        return
    with _explained(key):
        version = _target(boot_file(key))
        boot_file(key).unlink(missing_ok=True)
        tree = _target(site_link(key))
        if tree is not None:
            site_link(key).unlink()
        _forget(version)
    _unlink(tree, key)


def _unlink(tree: str | None, key: str) -> None:
    """Remove a former tenant's link from a code tree, unless another one needs it."""
    segment = subpath.segment_of(key)
    if tree and segment and settings.VMOODLE_SUBPATH_LINKS:
        others = site_link("").glob(f"*~{segment}")
        if all(_target(link) != tree for link in others):
            subpath.remove(tree, segment)


def prepare() -> None:
    """Make the directories, and put boot.php there."""
    with _explained(_("The fleet")):
        if not boot_dir().is_dir():
            _make_boot_dir()
        _make_sites_dir()
        if not _holds(boot_file("boot"), BOOT.read_bytes()):
            _refuse_other_version()
            _copy_boot()


def _refuse_other_version() -> None:
    """Raise PublishError if boot.php, and so the tenants' files, are another version's.

    Changed with one tenant, it could not read the others' any more.
    """
    boot = boot_file("boot")
    if boot.exists() and boot.read_bytes() != BOOT.read_bytes():
        said = _(
            "%(file)s is another version's: run generateconfigs, which changes it with"
            " the files of all tenants"
        )
        raise PublishError(said % {"file": boot})


def site_link(key: str) -> Path:
    return Path(settings.VMOODLE_SITES_DIR, key)


def rebuild(tenants: Iterable["Tenant"], *, check: bool = False) -> list[str]:
    """Publish all of these, remove what belongs to no tenant; return what was wrong.

    With `check` nothing is changed. The caller holds the tenants' rows, so that none
    is saved meanwhile. A tenant that cannot be published stays as it was, and the
    others are done: `verify` says why.
    """
    with _explained(_("The fleet")):
        fleet_values()  # what is wrong for all is said once
        texts, trees = dict[str, str](), dict[str, str]()
        tenants = list(tenants)
        for tenant in tenants:
            if not tenant.former:
                continue
            moved = former_keys(tenant)
            texts |= dict.fromkeys(moved, moved_text(tenant))
            trees |= dict.fromkeys(moved, code_tree(tenant))
        for tenant in tenants:
            trees[tenant.key] = code_tree(tenant)
            with suppress(PublishError):
                texts[tenant.key] = boot_text(tenant)
        steps = _file_steps(texts) + _link_steps(trees) + _stale_steps(texts, trees)
        if not check:
            _take(steps, texts)
        return [said for said, _ in steps]


def differences(tenant: "Tenant") -> list[str]:
    """Return what is not published of the tenant, or not as it is now."""
    with _explained(tenant.wwwroot):
        steps = _file_steps({tenant.key: boot_text(tenant)})
        steps += _link_steps({tenant.key: code_tree(tenant)})
        return [said for said, _ in steps]


def verify(tenants: Iterable["Tenant"]) -> list[str]:
    """Return what `rebuild` cannot mend, a sentence each; PHP reads every file."""
    tenants = list(tenants)
    wrong, meant, binary = [], dict[str, dict[str, Any]](), "php"
    for tenant in tenants:
        binary = tenant.release.php
        try:
            boot_text(tenant)
            meant[tenant.key] = boot_values(tenant)
        except PublishError as error:
            wrong.append(str(error))
        if not Path(code_tree(tenant)).is_dir():
            wrong.append(f"{tenant.wwwroot}: {code_tree(tenant)} is missing")
    files = ((str(boot_file(key).absolute()), meant[key]) for key in meant)
    *unlike, end = php.feed(binary, READ_BACK, map(json.dumps, files))
    if end != "end":
        unlike.append(end)
    wrong += [f"{path}: PHP reads other values than were meant" for path in unlike]
    return wrong + [
        f"{said}: run make_subdirs" for said, _ in subpath.wrong_links(tenants)
    ]


def _file_steps(texts: dict[str, str]) -> Steps:
    steps: Steps = []
    if not _is_protected(boot_dir(), 0o750):
        steps.append((f"{boot_dir()}: missing or unprotected", _make_boot_dir))
    if not _holds(boot_file("boot"), BOOT.read_bytes()):
        steps.append((f"{boot_file('boot')}: missing or old", _copy_boot))
    for key, text in texts.items():
        if not _is_published(key, text):
            link = partial(_link, boot_file(key), _version(text))
            steps.append((f"{boot_file(key)}: missing or different", link))
    return steps


def _link_steps(trees: dict[str, str]) -> Steps:
    links = {site_link(key): tree for key, tree in trees.items()}
    return [
        (f"{link}: does not lead to {tree}", partial(_link, link, tree))
        for link, tree in links.items()
        if _target(link) != tree
    ]


def _stale_steps(texts: dict[str, str], trees: dict[str, str]) -> Steps:
    """Find what a crash or a former tenant left; what is not ours stays."""
    keys = {*texts, *trees}
    used = {_version(text) for text in texts.values()}
    used |= {_target(boot_file(key)) or "" for key in keys - texts.keys()}
    steps: Steps = []
    for path in [*_listed(boot_dir()), *_listed(site_link(""))]:
        in_boot = path.parent == boot_dir()
        if path.name.startswith(FRESH):
            stale = path.lstat().st_mtime < time.time() - ABANDONED
        elif in_boot and path.name.startswith(VERSION):
            stale = path.name not in used
        elif in_boot:
            stale = path.suffix == ".php" and path.stem not in {*keys, "boot"}
        else:
            stale = path.is_symlink() and path.name not in keys
        if stale:
            remove = partial(path.unlink, missing_ok=True)
            steps.append((f"{path}: belongs to no tenant", remove))
    return steps


def _take(steps: Steps, texts: dict[str, str]) -> None:
    """Take the steps: first the new files, synced at once; then all the renames."""
    boot_dir().mkdir(parents=True, exist_ok=True)
    _make_sites_dir()
    for key, text in texts.items():
        if not _is_published(key, text):
            _write(boot_dir() / _version(text), text.encode(), sync=False)
    if steps:
        os.sync()
    for _key, step in steps:
        step()
    _sync(boot_dir())
    _sync(site_link(""))


def _listed(directory: Path) -> list[Path]:
    return sorted(directory.iterdir()) if directory.is_dir() else []


def _make_boot_dir() -> None:
    boot_dir().mkdir(parents=True, exist_ok=True)
    _protect(boot_dir(), 0o750)


def _make_sites_dir() -> None:
    directory = site_link("")
    if not directory.is_dir():
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)  # the web server follows the links


def _copy_boot() -> None:
    _write(boot_file("boot"), BOOT.read_bytes())
    _sync(boot_dir())


def _flip(key: str, text: str, tree: str) -> None:
    """Put one key's boot file and site link in place; undo all of it on failure."""
    boot, version = boot_file(key), _version(text)
    links = {boot: version, site_link(key): tree}
    former = {link: _target(link) for link in links}
    try:
        if not _holds(boot_dir() / version, text.encode()):
            _write(boot_dir() / version, text.encode())
        for link, target in links.items():
            _link(link, target)
            _sync(link.parent)
    except OSError:
        for link, earlier in former.items():
            _restore(link, earlier)
        _forget(version, unless=former[boot])
        raise
    _forget(former[boot], unless=version)


def _restore(link: Path, target: str | None) -> None:
    if target is not None:
        _link(link, target)
    elif link.is_symlink():
        link.unlink()


def _version(text: str) -> str:
    return f"{VERSION}{hashlib.sha256(text.encode()).hexdigest()[:32]}.php"


def _is_published(key: str, text: str) -> bool:
    path, version = boot_file(key), _version(text)
    return _target(path) == version and _holds(boot_dir() / version, text.encode())


def _holds(path: Path, data: bytes) -> bool:
    """Return whether it is a protected file of ours with these contents."""
    return _is_protected(path, 0o640) and path.read_bytes() == data


def _is_protected(path: Path, mode: int) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_IMODE(found.st_mode) == mode and _group() in (-1, found.st_gid)


def _protect(path: Path, mode: int) -> None:
    os.chown(path, -1, _group())
    path.chmod(mode)


def _group() -> int:
    """Return the web server's group, -1 when there is none to care for."""
    name = settings.VMOODLE_WEB_GROUP
    try:
        return grp.getgrnam(name).gr_gid if name else -1
    except KeyError:
        said = _("VMOODLE_WEB_GROUP: there is no group %(name)s") % {"name": name}
        raise PublishError(said) from None


def _target(link: Path) -> str | None:
    try:
        return str(link.readlink())
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINVAL):
            return None
        raise


def _forget(version: str | None, *, unless: str | None = None) -> None:
    if version and version != unless and version.startswith(VERSION):
        (boot_dir() / Path(version).name).unlink(missing_ok=True)


def _write(path: Path, data: bytes, *, sync: bool = True) -> None:
    with _renamed_to(path) as fresh:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(fd)
        _protect(fresh, 0o640)


def _link(link: Path, target: str) -> None:
    if _target(link) != target:
        with _renamed_to(link) as fresh:
            fresh.symlink_to(target)


@contextmanager
def _renamed_to(path: Path) -> Iterator[Path]:
    fresh = path.with_name(f"{FRESH}{os.getpid()}-{os.urandom(6).hex()}")
    try:
        yield fresh
        fresh.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            fresh.unlink()
        raise


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def _explained(what: object) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = _(
            "%(what)s cannot be published: %(why)s (%(file)s); check VMOODLE_BOOT_DIR"
            " and VMOODLE_SITES_DIR"
        )
        words = {"what": what, "why": error.strerror, "file": error.filename}
        raise PublishError(said % words) from error
