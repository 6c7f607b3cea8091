"""Links of sub-path mode inside of code trees, as the PHP system has: `moodle1 -> .`.

For web servers whose document root is a code tree. They are made and removed by two
commands with fixed arguments, as `VMOODLE_SUDO_USER` if need be, and nothing else is:
what has a link's name and is none is never touched.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from tenants.files import FilesError, as_user
from tenants.serving.boot import PublishError, code_tree, former_keys
from tenants.wwwroot import SEGMENT

if TYPE_CHECKING:  # models imports this module
    from tenants.models import Tenant

Steps = list[tuple[str, Callable[[], object]]]
LN, FIND = "/usr/bin/ln", "/usr/bin/find"
# Directories of every Moodle, whatever its release; boot.php knows the same.
OF_MOODLE = {
    *("admin", "auth", "availability", "backup", "badges", "blocks", "blog", "cache"),
    *("calendar", "cohort", "comment", "competency", "completion", "contentbank"),
    *("course", "customfield", "dataformat", "enrol", "favourites", "files"),
    *("filter", "grade", "group", "h5p", "lang", "lib", "local", "login", "media"),
    *("message", "mod", "my", "notes", "payment", "pix", "plagiarism", "portfolio"),
    *("privacy", "question", "rating", "report", "reportbuilder", "repository"),
    *("rss", "search", "tag", "theme", "user", "userpix", "webservice"),
}


def segment_of(key: str) -> str:
    """Return the sub-path in a tenant's key, "" when it has none.

    >>> segment_of("schools.example.org~north"), segment_of("a.example.org")
    ('north', '')
    """
    return key.partition("~")[2]


def root_of(tree: str) -> Path:
    """Return the directory of a code tree that the web server shows."""
    public = Path(tree, "public")
    return public if (public / "version.php").is_file() else Path(tree)


def has(tree: str, segment: str) -> bool:
    link = root_of(tree) / segment
    return link.is_symlink() and str(link.readlink()) == "."


def is_code(tree: str, segment: str) -> bool:
    """Whether Moodle itself has something of this name."""
    if segment in OF_MOODLE:
        return True
    path = root_of(tree) / segment
    return (path.is_symlink() or path.exists()) and not has(tree, segment)


def add(tree: str, segment: str) -> bool:
    """Make the link of a sub-path; return whether it was missing."""
    _refuse_other(segment)
    if is_code(tree, segment):
        taken = _("%(path)s is there and no link to '.': choose another sub-path")
        raise PublishError(taken % {"path": root_of(tree) / segment})
    if has(tree, segment):
        return False
    _run(tree, [LN, "-s", "-T", "--", ".", str(root_of(tree) / segment)])
    return True


def remove(tree: str, segment: str) -> None:
    """Remove the link of a sub-path; no error when it is gone."""
    _refuse_other(segment)
    if has(tree, segment):
        _run(tree, [*_finding(str(root_of(tree))), segment, "-delete"])


def _finding(root: str) -> list[str]:
    return [FIND, root, *["-maxdepth", "1", "-type", "l", "-lname", ".", "-name"]]


def _refuse_other(segment: str) -> None:
    if not SEGMENT.fullmatch(segment):
        other = _("%(name)r is not a sub-path that could be a link")
        raise PublishError(other % {"name": segment})


def _run(tree: str, argv: list[str]) -> None:
    try:
        as_user(settings.VMOODLE_SUDO_USER, argv)
    except FilesError as error:
        said = _(
            "%(tree)s: its links cannot be changed (%(why)s): give VMOODLE_SUDO_USER a"
            " user that may write it, and sudo what make_subdirs --sudoers prints"
        )
        raise PublishError(said % {"tree": tree, "why": error}) from error


@contextmanager
def linked(tree: str, key: str) -> Iterator[None]:
    """Make a tenant's link, if there shall be one; take it back on failure."""
    wanted = settings.VMOODLE_SUBPATH_LINKS and bool(segment_of(key))
    made = wanted and add(tree, segment_of(key))
    try:
        yield
    except BaseException:
        if made:
            remove(tree, segment_of(key))
        raise


def strays(tree: str, segments: set[str]) -> list[str]:
    """Return the names of links in a tree that are none of these sub-paths."""
    links = (path for path in root_of(tree).iterdir() if path.is_symlink())
    names = [link.name for link in links if str(link.readlink()) == "."]
    return sorted(n for n in names if SEGMENT.fullmatch(n) and n not in segments)


def wrong_links(tenants: Iterable["Tenant"], trees: Iterable[str] = ()) -> Steps:
    """Return what is wrong with the links in code trees, and what mends each.

    `trees`: others that may have stray ones. None without VMOODLE_SUBPATH_LINKS.
    """
    if not settings.VMOODLE_SUBPATH_LINKS:
        return []
    wanted: dict[str, set[str]] = {tree: set() for tree in trees}
    for tenant in tenants:
        keys = {tenant.key, *former_keys(tenant)}
        names = {segment_of(key) for key in keys} - {""}
        wanted.setdefault(code_tree(tenant), set()).update(names)
    steps: Steps = []
    for tree, names in wanted.items():
        if not Path(tree).is_dir():
            continue
        for name in sorted(names):
            if not has(tree, name):
                make = partial(add, tree, name)
                steps.append((f"{tree} has no link {name}", make))
        for name in strays(tree, names):
            drop = partial(remove, tree, name)
            steps.append((f"{tree}: the link {name} belongs to no tenant", drop))
    return steps


def sudoers(trees: Iterable[str]) -> str:
    """Return the lines that let this user make and remove links in the trees.

    Regular expressions of sudo 1.9.10 and newer: its older wildcards would take in
    spaces and slashes, and so any other argument.
    """
    user, other = getuser(), settings.VMOODLE_SUDO_USER or "root"
    lines = [f"# For {user}, who runs VMoodle: check with visudo -cf."]
    for root in (str(root_of(tree)) for tree in trees):
        name, plain = SEGMENT.pattern, _escaped(root)
        added = rf"^-s -T -- \. {plain}/{name}$"
        removed = rf"^{plain} -maxdepth 1 -type l -lname \. -name {name} -delete$"
        lines += [
            f"{user} ALL=({other}) NOPASSWD: {command} {arguments}"
            for command, arguments in ((LN, added), (FIND, removed))
        ]
    return "\n".join(lines) + "\n"


def _escaped(path: str) -> str:
    if shlex.quote(path) != path:
        raise PublishError(
            f"{path} cannot stand in sudoers: give the tree a plain path"
        )
    return re.escape(path).replace(r"\-", "-")
