"""Run PHP command-line scripts. Nothing else starts PHP.

A script runs in its own process group, with a clean environment, no terminal, a
deadline and a memory limit, and its output is streamed line by line. It dies with
the process that started it.
"""

import codecs
import fcntl
import hashlib
import json
import os
import pwd
import re
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from tenants.errors import VMoodleError

if TYPE_CHECKING:  # models imports this module
    from tenants.models import Tenant

TICK = 0.5  # seconds between two signs of life of a silent script
GRACE = 5.0  # seconds between SIGTERM and SIGKILL
MEMORY = 4 * 1024**3  # bytes of address space: an endless prompt eats it all
LONGEST = 16 * 1024**2  # characters of one line; what comes then is another one
# What Moodle prints below the message of an exception.
STACK_FRAME = re.compile(r"\s*(\* line \d+ of |#\d+ /)")
MARKER = "VMOODLE_JOB"  # names the job in the environment of its children
PROBE = Path(__file__).parent / "moodle" / "versions_hash.php"
OPENSSL = Path(__file__).parent / "moodle" / "openssl.cnf"  # MNet needs RC4
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

Lines = Generator[str | None, None, int]


class PhpError(VMoodleError):
    """A script could not be started, failed, or ran out of time."""


def script_path(tree: str, script: str) -> str:
    """Return where the tree holds the script; since 5.1 most lie in `public/`."""
    for path in (f"{tree}/{script}", f"{tree}/public/{script}"):
        if os.path.isfile(path):  # noqa: PTH113 - once a job, and ten times faster
            return path
    raise PhpError(f"{tree} has no {script}: this release does not ship it")


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
    Closing the generator kills the script and its children.
    """
    release = tenant.release
    argv = [
        *_as_web_user(job),
        release.php,
        *php_options(release.path, str(script)),
        str(script) if isinstance(script, Path) else script_path(release.path, script),
        f"--host={tenant.wwwroot}",
        *options,
    ]
    tail: deque[str] = deque(maxlen=5)
    seconds = timeout or settings.VMOODLE_JOB_MAX_SECONDS
    code = yield from _follow(argv, job, seconds, tail, stdin)
    if code not in accept:
        said = " / ".join(tail)[-600:] or "it printed nothing"
        raise PhpError(f"{script} ended with exit code {code}: {said}", code)
    return code


def php_options(tree: str, script: str = "") -> list[str]:
    """Return the `-d` options that a script of this code tree runs with.

    OPcache makes an upgrade, and a small script, twice as fast. A small one takes
    what it needs from a file cache, one directory per tree, since compiled files
    hold its paths. A heavy one would take, and keep, memory at every inclusion of a
    file: it has shared memory instead. Both at once crash PHP 8.2.
    """
    name = tree.strip("/").replace("/", "-")
    if user := settings.VMOODLE_WEB_USER:
        name = f"{user}@{name}"  # OPcache writes what its own user alone may read
    cache = f"{settings.VMOODLE_PHP_CACHE_DIR}/{name}"
    if not os.path.isdir(cache):  # noqa: PTH112 - once a job, and ten times faster
        _make_cache(Path(cache), user)
    small = (f"opcache.file_cache={cache}", "opcache.file_cache_only=1")
    own = HEAVY_VALUES if script in HEAVY else small
    values = ("max_input_vars=6000", "opcache.enable_cli=1", *own)
    return [part for value in values for part in ("-d", value)]


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


def _as_web_user(job: int | None) -> list[str]:
    """Return what makes the command run as the web server's user, if it must."""
    if not settings.VMOODLE_WEB_USER:
        return []
    # sudo drops the environment, and its child is not ours to limit: behind it.
    given = [f"OPENSSL_CONF={OPENSSL}", *([f"{MARKER}={_mark(job)}"] if job else [])]
    limits = ["prlimit", f"--as={MEMORY}", "setpriv", "--pdeathsig", "KILL"]
    return [*_sudo(), *limits, "env", *given]


def _sudo() -> list[str]:
    return ["sudo", "-n", "-u", settings.VMOODLE_WEB_USER, "--"]


def _environment(job: int | None) -> dict[str, str]:
    # An inherited REMOTE_ADDR or HTTP_HOST makes Moodle's scripts refuse.
    clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    clean["OPENSSL_CONF"] = str(OPENSSL)
    return clean | ({MARKER: _mark(job)} if job else {})


def _mark(job: int) -> str:
    """Return the job's name on this host, where another VMoodle may run as well."""
    return f"{_installation(settings.SECRET_KEY, settings.VAR_DIR)}.{job}"


@lru_cache(1)
def _installation(key: str, home: Path) -> str:
    return hashlib.sha256(f"{key} {home}".encode()).hexdigest()[:16]


def _follow(
    argv: list[str], job: int | None, seconds: float, tail: deque[str], stdin: str
) -> Lines:
    process = None
    with _pipe() as (theirs, _ours):
        try:
            with _pipe() as (output, printed):
                process = _start(argv, job, stdin, printed, theirs)
                if not settings.VMOODLE_WEB_USER:  # calls are cheaper than programs
                    _limit(process.pid, theirs)
                yield from _lines(_pieces(process.pid, output, seconds), tail)
            return process.wait()
        finally:
            if process:
                end_group(process)


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()  # as numbers: files cost more than all that is done with them
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def _start(
    argv: list[str], job: int | None, stdin: str, printed: int, theirs: int
) -> "subprocess.Popen[bytes]":
    with _input(stdin) as given:
        try:
            return subprocess.Popen(  # noqa: S603 - an argument list, no shell
                argv,
                stdin=given,
                stdout=printed,
                stderr=printed,
                env=_environment(job),
                start_new_session=True,
                pass_fds=(theirs,),
            )
        except OSError as error:
            raise PhpError(f"{argv[0]} cannot be started: {error.strerror}") from error


def _limit(group: int, pipe: int) -> None:
    """Limit the memory of a script, and its life to that of our process.

    The kernel kills its group once nobody holds the other end of the pipe.
    """
    try:
        with suppress(ProcessLookupError):
            resource.prlimit(group, resource.RLIMIT_AS, (MEMORY, MEMORY))
            fcntl.fcntl(pipe, fcntl.F_SETOWN, -group)
            fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_ASYNC)
    except OSError as error:
        raise PhpError(f"a script cannot be limited: {error.strerror}") from error


@contextmanager
def _input(text: str) -> Iterator[int]:
    """Open what a script shall read: in memory, since it may hold a password."""
    if not text:
        yield subprocess.DEVNULL
        return
    with os.fdopen(os.memfd_create("stdin"), "w", encoding="utf-8") as file:
        file.write(text)
        file.seek(0)  # which flushes
        yield file.fileno()


def _lines(pieces: Iterable[bytes], tail: deque[str]) -> Iterator[str | None]:
    """Yield the lines of a script's output, and None for what ends none."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    line = ""
    for data in pieces:
        more, *fresh = decoder.decode(data).split("\n")
        line += more
        for begun in fresh:
            yield _kept(line, tail)
            line = begun
        if len(line) >= LONGEST:
            yield _kept(line, tail)
            line = ""
        elif not fresh:
            yield None
    if line := line + decoder.decode(b"", final=True):
        yield _kept(line, tail)


def _pieces(pid: int, output: int, seconds: float) -> Iterator[bytes]:
    """Yield what the script prints, as it comes, and b"" each half second of silence.

    Ends with the script; raises PhpError when its time is over. The pipe itself never
    ends, as we hold its other end too: a script may close its output long before.
    """
    deadline = time.monotonic() + seconds
    with os.fdopen(os.pidfd_open(pid), "rb", 0) as end:
        either = select.poll()
        either.register(end, select.POLLIN)  # looked at first: nothing is printed later
        either.register(output, select.POLLIN)
        while True:
            ready = [fd for fd, _events in either.poll(TICK * 1000)]
            if output in ready:
                yield os.read(output, 65536)
            elif ready:
                return  # perhaps a grandchild still holds the pipe
            else:
                yield b""
            if time.monotonic() > deadline:
                raise PhpError("the script ran out of time and was stopped")


def _kept(line: str, tail: deque[str]) -> str:
    line = line.rstrip("\r")
    if line.strip() and not STACK_FRAME.match(line):
        tail.append(line.strip())
    return line


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Stop the process group of a script: SIGTERM, then SIGKILL."""
    if process.stdout:
        process.stdout.close()
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    _signal_group(process.pid, signal.SIGKILL)  # it, and what it left behind
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        try:
            os.killpg(group, number)
        except PermissionError:
            kill = ["kill", f"-{number.value}", "--", f"-{group}"]
            subprocess.run(  # noqa: S603
                [*_as_web_user(None), *kill], check=False, capture_output=True
            )


def kill_leftovers(job: int) -> int:
    """Kill what still runs on this host for a job; return how many processes.

    As the user they run as: no other may read their environment, or kill them.
    """
    marker = f"{MARKER}={_mark(job)}"
    files = [str(path) for path in Path("/proc").glob("[0-9]*/environ")]
    grep = [*_as_web_user(None), "grep", "-lszxF", "-e", marker, "--", *files]
    found = subprocess.run(  # noqa: S603
        grep, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    pids = [Path(file).parent.name for file in found.stdout.split()]
    if pids:
        kill = [*_as_web_user(None), "kill", "-KILL", "--", *pids]
        subprocess.run(kill, check=False, capture_output=True)  # noqa: S603
    return len(pids)


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
    argv = [*_as_web_user(None), php, *php_options(tree), str(PROBE), tree, wanted]
    done = _ended(argv, f"{php} cannot read the versions of {tree}", timeout=60)
    answer = done.stdout.strip().rpartition("\n")[2]
    if done.returncode != 0 or not re.fullmatch(fits, answer):
        said = (done.stderr or done.stdout).strip()[-300:]
        raise PhpError(f"the plugin versions of {tree} cannot be read: {said}")
    return answer


def feed(php: str, script: Path, lines: Iterable[str]) -> list[str]:
    """Return the lines that a script of ours prints, fed these on standard input."""
    text = "".join(f"{line}\n" for line in lines)
    argv = [php, "-n", str(script)]
    done = _ended(argv, f"{php} cannot run {script.name}", timeout=300, text=text)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-300:]
        raise PhpError(f"{script.name} failed: {said}", done.returncode)
    return done.stdout.splitlines()


def _ended(
    argv: list[str], failure: str, timeout: float, text: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run PHP to its end, fed a text; raise PhpError if it cannot be."""
    try:
        return subprocess.run(  # noqa: S603 - an argument list, no shell
            argv,
            input=text,
            capture_output=True,
            env=_environment(None),
            timeout=timeout,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PhpError(f"{failure}: {error}") from error
