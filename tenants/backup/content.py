"""Data directories as wholes: keep a copy, lay one out, put one in place of another.

What Moodle stores in `filedir` is named after its contents and never changed in place,
so copies share it by hard links: they cost neither time nor room. What Moodle can make
again (caches, sessions, locks) is left out.
"""

import errno
import hashlib
import os
import pwd
import re
import shutil
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from tenants.files import FilesError, as_owner

# In moodledata, and not part of a copy: made again, of this moment, or thrown away.
LEFT_OUT = {
    "cache",
    "localcache",
    "lock",
    "muc",
    "sessions",
    "temp",
    "trashdir",
    "climaintenance.html",
    ".vmoodle",
}
POOL = "filedir"
STORED = re.compile(r"[0-9a-f]{40}")
MARK = ".vmoodle"  # in a data directory: which work of ours has made it
NOT_LINKED = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}
TICK = 0.5  # seconds between two signs of life

Ticks = Generator[None, None, None]


def keep_pool(data: Path, target: Path, former: Path | None) -> Ticks:
    """Copy the pool of a data directory, as far as `target` does not have it yet.

    By hard links; on another file system by those to `former`, an earlier copy.
    """
    with explained(data):
        told = time.monotonic()
        for entry in _walk(data / POOL):
            _keep(entry, data, target, former)
            if time.monotonic() - told > TICK:
                told = time.monotonic()
                yield None


def _walk(directory: Path) -> Iterator[os.DirEntry[str]]:
    """Yield all files below, without those that are being written."""
    if not directory.is_dir():
        return
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))
            elif entry.is_file(follow_symlinks=False) and entry.name[-4:] != ".tmp":
                yield entry


def _keep(
    entry: os.DirEntry[str], data: Path, target: Path, former: Path | None
) -> None:
    name = os.path.relpath(entry.path, data)
    copy = target / name
    if not copy.parent.is_dir():
        copy.parent.mkdir(parents=True)
    with suppress(FileExistsError, FileNotFoundError):  # or thrown away meanwhile
        try:
            os.link(entry.path, copy)
        except OSError as error:
            if error.errno not in NOT_LINKED:
                raise
            _link_or_copy(Path(entry.path), copy, former / name if former else None)


def _link_or_copy(source: Path, copy: Path, former: Path | None) -> None:
    if copy.exists():
        return
    if former and former.is_file() and former.stat().st_size == source.stat().st_size:
        os.link(former, copy)
    else:
        shutil.copy2(source, copy)


def keep_rest(data: Path, target: Path) -> None:
    """Copy all but the pool, and what is left out, as the web server's user.

    It alone may read all of it: Moodle keeps a key for itself.
    """
    with explained(data):
        names = sorted(os.listdir(data))  # noqa: PTH208 - names, not paths
    kept = [str(data / name) for name in names if name not in {POOL, *LEFT_OUT}]
    if kept:
        as_owner(["cp", "-a", "--", *kept, f"{target}/"])


def share(directory: Path, *, writable: bool) -> None:
    """Let the web server's user read our directory, or write it as well.

    What is made in it from now on is of that user's group too, at any depth.
    """
    if user := settings.VMOODLE_WEB_USER:
        group = settings.VMOODLE_WEB_GROUP or pwd.getpwnam(user).pw_gid
        shutil.chown(directory, group=group)
    directory.chmod(0o2770 if writable else 0o2750)


def discard(copy: Path) -> None:
    """Remove a kept copy: what the web server's user owns is its to remove."""
    if copy.is_dir():
        share(copy, writable=True)
        kept = [str(path) for path in copy.iterdir() if path.name != POOL]
        as_owner(["rm", "-rf", "--", *kept])
        shutil.rmtree(copy)


def pool_size(directory: Path) -> tuple[int, int]:
    """Return how many files a pool has, and their bytes."""
    with explained(directory):
        sizes = [entry.stat().st_size for entry in _walk(directory / POOL)]
    return len(sizes), sum(sizes)


def digests(directory: Path) -> dict[str, str]:
    """Return the digests of all files but the pool's, whose names are theirs.

    What is no part of a copy has none either.
    """
    find = ["find", str(directory), "-path", f"{directory}/{POOL}"]
    for name in sorted(LEFT_OUT):
        find += ["-o", "-path", f"{directory}/{name}"]
    find = [*find[:2], "(", *find[2:], ")", "-prune"]
    # It goes back to where it began, which its user may not be let into.
    find = ["env", "-C", str(directory), *find]
    said = as_owner([*find, "-o", "-type", "f", "-exec", "sha256sum", "{}", "+"])
    lines = (line.split(maxsplit=1) for line in said.splitlines())
    return {path.removeprefix(f"{directory}/"): digest for digest, path in lines}


def spoiled(directory: Path) -> Generator[None, None, list[str]]:
    """Return the files of the pool whose contents do not fit their names."""
    wrong, told = [], time.monotonic()
    with explained(directory):
        for entry in _walk(directory / POOL):
            with Path(entry.path).open("rb") as file:
                digest = hashlib.file_digest(file, "sha1").hexdigest()
            if STORED.fullmatch(entry.name) and digest != entry.name:
                wrong.append(entry.name)
            if time.monotonic() - told > TICK:
                told = time.monotonic()
                yield None
    return wrong


def _make_root(root: Path) -> None:
    """Make the data root, if it is missing, where the web server's user may write."""
    if not settings.VMOODLE_WEB_USER or root.exists():
        return
    with suppress(OSError):  # then that user makes it, or tells why not
        root.mkdir(mode=0o750, parents=True)
        share(root, writable=True)


def lay_out(target: Path, mark: str, source: Path | None = None) -> None:
    """Make a data directory, from a copy or empty, as the web server's user.

    It bears the mark, by which it may be removed again.
    """
    if target.parent == Path(settings.VMOODLE_DATA_ROOT):
        _make_root(target.parent)
    as_owner(["install", "-d", "-m", "2770", str(target)])
    set_mark(target, mark)
    for entry in sorted(source.iterdir()) if source else []:
        copy = ["cp", "-a", str(entry), f"{target}/"]
        if entry.name != POOL:
            as_owner(copy)
            continue
        try:
            as_owner(["cp", "-al", str(entry), f"{target}/"])
        except FilesError:  # another file system, or another owner
            as_owner(["rm", "-rf", "--", str(target / POOL)])
            as_owner(copy)


def copy_pool(source: Path, target: Path, *, again: bool = False) -> None:
    """Copy the pool of one data directory to another, as the web server's user.

    `again`: only what is not there yet. By hard links where that is possible.
    """
    with explained(source):
        if not (source / POOL).is_dir():
            return
    words = [*(["-u"] if again else []), "--", str(source / POOL), f"{target}/"]
    try:
        as_owner(["cp", "-al", *words])
    except FilesError:  # another file system
        as_owner(["cp", "-a", *words])


def missing(source: Path, target: Path) -> list[str]:
    """Return which stored files of one pool the other does not have whole."""
    found = []
    with explained(source):
        for entry in _walk(source / POOL):
            other = target / os.path.relpath(entry.path, source)
            try:
                whole = other.stat().st_size == entry.stat().st_size
            except FileNotFoundError:
                whole = False
            if not whole:
                found.append(entry.name)
    return found


def is_used(data: Path) -> bool:
    """Whether there is anything at the path but an empty directory."""
    with explained(data):
        return data.exists() and (not data.is_dir() or any(data.iterdir()))


def rename(source: Path, target: Path) -> None:
    as_owner(["mv", "-T", "-n", "--", str(source), str(target)])
    if source.exists():
        raise FilesError(f"{source} cannot become {target}: there is one already")


def set_mark(data: Path, mark: str) -> None:
    as_owner(["tee", str(data / MARK)], f"{mark}\n")


def take_mark_off(data: Path) -> None:
    as_owner(["rm", "-f", "--", str(data / MARK)])


def mark_of(data: Path) -> str:
    """Return which work has made a data directory, "" if none of ours."""
    with explained(data), suppress(FileNotFoundError, NotADirectoryError):
        return (data / MARK).read_text(encoding="utf-8").strip()
    return ""


def remove(path: Path, mark: str) -> None:
    """Remove what `lay_out` made with this mark; no error when it is gone."""
    with explained(path):
        begun = path.is_dir() and not os.listdir(path)  # noqa: PTH208 - as quick
    if begun or mark_of(path) == mark:
        as_owner(["rm", "-rf", "--", str(path)])


def remove_for_good(path: Path) -> None:
    """Remove a data directory; no error when it is gone.

    Only below `VMOODLE_DATA_ROOT`, whatever the registry says.
    """
    root = Path(settings.VMOODLE_DATA_ROOT).resolve()
    with explained(path):
        below = not path.is_symlink() and root in path.resolve().parents
        if not below and path.exists():
            raise FilesError(
                f"{path} is not below {root} (VMOODLE_DATA_ROOT): remove it yourself"
            )
    as_owner(["rm", "-rf", "--", str(path)])


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says into a sentence."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise FilesError(
            f"{where}: {(error.strerror or str(error)).lower()}"
        ) from error
