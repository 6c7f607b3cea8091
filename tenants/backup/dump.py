"""Dumps of tenants' databases, by MariaDB's programs and zstd. Nothing else runs them.

It is consistent while the site is open: nobody writes until each of the programs that
read has begun its transaction; where that is not to be had, one reads alone. The tables
are dealt out to a few compressed files, which are loaded at the same time: creating a
table waits for the disk a dozen times, and several do so together. The password stands
in a file in memory, never in an argument list.
"""

import fcntl
import hashlib
import os
import select
import shutil
import subprocess
import time
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, TypedDict

from tenants.backup.sections import Sections, Write
from tenants.lifecycle import databases
from tenants.lifecycle.steps import LifecycleError
from tenants.process import end_group

if TYPE_CHECKING:
    from tenants.models import DatabaseServer

READERS = 2  # programs that read a database at the same time
PARTS = 4  # files of a dump: the fastest of 1 to 8, measured on two cores
LATE = 2_000_000  # bytes of a table from which on its keys are made last
BLOCK = 1024 * 1024  # bytes
TICK = 0.5  # seconds between two signs of life
TABLE_COST = 100_000  # bytes whose load takes as long as the making of a table
DIE_WITH_US = ("setpriv", "--pdeathsig", "KILL")
PACK = {".zst": ["zstd", "-q", "-1", "-c"], ".gz": ["gzip", "-1", "-c"]}
UNPACK = {".zst": ["zstd", "-q", "-d", "-c"], ".gz": ["gzip", "-d", "-c"]}
OPTIONS = [
    "--single-transaction",
    "--quick",
    "--hex-blob",
    "--no-tablespaces",
    "--skip-comments",
    "--order-by-primary",
    # It is loaded into an empty database: each of these costs a statement a table.
    "--skip-add-drop-table",
    "--skip-disable-keys",
    "--skip-add-locks",
    "--no-autocommit",  # a table's rows are one transaction: half the time
    "--max-allowed-packet=1G",
    "--default-character-set=utf8mb4",
]

Process = subprocess.Popen[bytes]
Ticks = Generator[None, None, None]


class DumpError(LifecycleError):
    """A database could not be dumped, or a dump not loaded."""


class Part(TypedDict):
    file: str
    bytes: int
    sha256: str


class Table(TypedDict):
    rows: int
    bytes: int
    sha256: str


class Dump(TypedDict):
    """What a dump holds; the digest of a table is that of its SQL text."""

    parts: list[Part]
    tables: dict[str, Table]


def dump(
    server: "DatabaseServer",
    name: str,
    directory: Path,
    only: Collection[str] | None = None,
) -> Generator[None, None, Dump]:
    """Dump a database's tables into a directory; yield None as a sign of life.

    `only`: these tables; the digest of the last one is another then. Closing the
    generator stops the programs. Raises DumpError.
    """
    sizes = databases.table_sizes(server, name)
    if only is not None:
        sizes = {table: sizes[table] for table in sizes if table in only}
    if not sizes:
        raise DumpError(f"the database {name} has no tables: there is nothing to dump")
    shares, late = dealt(sizes), {one for one in sizes if sizes[one] >= LATE}
    number = max(shares.values()) + 1
    kind = ".zst" if shutil.which("zstd") else ".gz"
    paths = [directory / f"{n + 1}.sql{kind}" for n in range(number)]
    with ExitStack() as stack:
        packers = [stack.enter_context(_packing(path, PACK[kind])) for path in paths]
        writes = [_write_to(packer) for packer in packers]
        held = stack.enter_context(ExitStack())
        alone = not held.enter_context(databases.standing_still(server, name, sizes))
        streams = {}
        for names in _streams(shares, 1 if alone else READERS):
            heads = [_settings_to(writes[n]) for n in {shares[one] for one in names}]
            sections = Sections(lambda table: writes[shares[table]], heads, late)
            streams[stack.enter_context(_dumping(server, name, names))] = sections
        yield from _pump(streams, held)
        for packer in packers:
            _close_input(packer)
        yield from _all_end([*streams, *packers], f"the database {name} is not dumped")
    tables = _tables([*streams.values()], [*sizes])
    if missing := sizes.keys() - tables.keys():
        raise DumpError(f"the dump of {name} lacks {', '.join(sorted(missing))}")
    return {"parts": [part_of(path) for path in paths], "tables": tables}


def digests(server: "DatabaseServer", name: str) -> Generator[None, None, Dump]:
    """Read a database that nobody changes as `dump` does, without writing a file."""
    sizes = databases.table_sizes(server, name)
    with ExitStack() as stack:
        streams = {
            stack.enter_context(_dumping(server, name, tables)): Sections(_nowhere, [])
            for tables in _streams(dealt(sizes), READERS)
        }
        yield from _pump(streams, stack.enter_context(ExitStack()))
        yield from _all_end(list(streams), f"the database {name} cannot be read")
    return {"parts": [], "tables": _tables([*streams.values()], [*sizes])}


def load(
    server: "DatabaseServer", name: str, directory: Path, files: Sequence[str]
) -> Ticks:
    """Load the parts of a dump, all at once, into an empty database.

    Closing the generator stops the programs; what is loaded by then stays.
    """
    with ExitStack() as stack:
        running = []
        for file in files:
            unpack = stack.enter_context(_unpacking(directory / file))
            client = stack.enter_context(_loading(server, name, unpack))
            running += [unpack, client]
        yield from _all_end(running, f"{name} could not be loaded")


def part_of(path: Path) -> Part:
    """Return what a manifest tells of a file, whose contents are now on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": digest}


def dealt(sizes: dict[str, int], parts: int = PARTS) -> dict[str, int]:
    """Return which part each table goes to, so that all take about as long to load.

    >>> dealt({"big": 900_000, "small": 1, "tiny": 0}, parts=2)
    {'big': 0, 'small': 1, 'tiny': 1}
    """
    parts = min(parts, len(sizes))
    loads, found = [0] * parts, {}
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        found[name] = loads.index(min(loads))
        loads[found[name]] += size + TABLE_COST
    return found


def _streams(shares: dict[str, int], number: int) -> list[list[str]]:
    """Deal whole parts out to so many programs that read; return each one's tables."""
    number = min(number, max(shares.values(), default=0) + 1)
    return [
        [table for table, part in shares.items() if part % number == n]
        for n in range(number)
    ]


def _tables(streams: Sequence[Sections], names: Sequence[str]) -> dict[str, Table]:
    """Return what was found, by table; the end of a dump belongs to the last table."""
    found = {one.name: one for sections in streams for one in sections.found}
    if last := found.get(names[-1] if names else ""):
        last.count(streams[0].foot)
    return {
        name: {"rows": one.rows, "bytes": one.bytes, "sha256": one.digest.hexdigest()}
        for name, one in found.items()
    }


def _nowhere(table: str) -> Write:
    return lambda data: None


def _pump(streams: dict[Process, Sections], held: ExitStack) -> Ticks:
    """Read dumps to their ends; a part that cannot be written ends it early.

    What `held` holds is let go once each of them has begun its transaction.
    """
    running = {_output_of(source): sections for source, sections in streams.items()}
    told = time.monotonic()
    while running:
        for fd in select.select(list(running), [], [], TICK)[0]:
            data = os.read(fd, BLOCK)
            try:
                running[fd].feed(data)
            except BrokenPipeError:  # its packer says why
                return
            if not data:
                del running[fd]
        if all(sections.found for sections in running.values()):
            held.close()
        if time.monotonic() - told > TICK:
            told = time.monotonic()
            yield None


def _output_of(process: Process) -> int:
    """Return where to read what it prints, through a pipe that holds much at once."""
    assert process.stdout
    fd = process.stdout.fileno()
    with suppress(OSError):  # more than an account may have
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, BLOCK)
    return fd


def _all_end(running: list[Process], what: str) -> Ticks:
    """Wait for all; raise DumpError, with what was said, when one fails."""
    while True:
        codes = [process.poll() for process in running]
        if any(codes):
            # One fails, and those it talks to then do: any that speaks tells why.
            said = [text for process in running if (text := _said(process))]
            raise DumpError(f"{what}: {said[0] if said else 'a program was stopped'}")
        if None not in codes:
            return
        yield None
        time.sleep(0.02)


def _said(process: Process) -> str:
    """Return the last line that a program printed on standard error."""
    assert process.stderr
    process.stderr.seek(0)
    lines = process.stderr.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


@contextmanager
def _running(
    argv: Sequence[str],
    stdin: IO[bytes] | int,
    stdout: IO[bytes] | int,
    keep: Sequence[int] = (),
) -> Iterator[Process]:
    """Run a program, which dies with this process, and stop it at the end."""
    with TemporaryFile() as errors:
        try:
            process = subprocess.Popen(  # noqa: S603 - an argument list, no shell
                [*DIE_WITH_US, *argv],
                stdin=stdin,
                stdout=stdout,
                stderr=errors,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                pass_fds=keep,
                start_new_session=True,
            )
        except OSError as error:
            raise DumpError(f"{argv[0]} cannot be started: {error.strerror}") from error
        process.stderr = errors
        try:
            yield process
        finally:
            _close_input(process)
            end_group(process)


def _write_to(process: Process) -> Write:
    assert process.stdin
    return process.stdin.write


def _settings_to(write: Write) -> Write:
    """Return what writes a dump's settings so that the server checks keys as always.

    Else MariaDB takes a transaction that begins on an empty table for a bulk insert,
    which the second statement of it is not: it took up to twice the time.
    """
    return lambda lines: write(lines.replace(b"UNIQUE_CHECKS=0", b"UNIQUE_CHECKS=1"))


def _close_input(process: Process) -> None:
    if process.stdin:
        with suppress(BrokenPipeError):
            process.stdin.close()


@contextmanager
def _packing(path: Path, argv: Sequence[str]) -> Iterator[Process]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with (
        os.fdopen(os.open(path, flags, 0o600), "wb") as file,
        _running(argv, subprocess.PIPE, file) as process,
    ):
        yield process


@contextmanager
def _unpacking(path: Path) -> Iterator[Process]:
    argv = [*UNPACK[path.suffix], "--", str(path)]
    with _running(argv, subprocess.DEVNULL, subprocess.PIPE) as process:
        yield process


@contextmanager
def _dumping(
    server: "DatabaseServer", name: str, tables: Sequence[str]
) -> Iterator[Process]:
    with (
        _login(server) as fd,
        _running(
            ["mariadb-dump", f"--defaults-file=/proc/self/fd/{fd}", *OPTIONS]
            + ["--", name, *tables],
            subprocess.DEVNULL,
            subprocess.PIPE,
            [fd],
        ) as process,
    ):
        yield process


@contextmanager
def _loading(server: "DatabaseServer", name: str, source: Process) -> Iterator[Process]:
    assert source.stdout
    login = "--defaults-file=/proc/self/fd/{}"
    with (
        _login(server) as fd,
        _running(
            ["mariadb", login.format(fd), "--batch", "--max-allowed-packet=1G"]
            + ["--default-character-set=utf8mb4", "--", name],
            source.stdout,
            subprocess.DEVNULL,
            [fd],
        ) as process,
    ):
        source.stdout.close()  # its reader is the client alone
        yield process


@contextmanager
def _login(server: "DatabaseServer") -> Iterator[int]:
    """Yield a file in memory that tells MariaDB's programs how to log in."""
    where = (
        {"socket": server.socket}
        if server.socket
        else {"host": server.host, "port": str(server.port), "protocol": "tcp"}
    )
    values = {
        **where,
        "user": server.admin_user,
        "password": server.admin_password or "",
    }
    lines = ["[client]", *(f"{key}={_quoted(text)}" for key, text in values.items())]
    with os.fdopen(os.memfd_create("login"), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)  # it refuses a file that anybody may write
        file.write("\n".join(lines) + "\n")
        file.flush()
        yield file.fileno()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return f'"{escaped}"'
