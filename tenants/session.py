"""A transaction with the account of one tenant, for what an operator wrote.

The account reaches no other tenant's data: the fence behind all checks of the text.
"""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenants import moodledb
from tenants.moodledb import Connection, MoodleDbError, Rows

if TYPE_CHECKING:
    from tenants.models import Tenant

TICK = 0.5  # seconds between two signs of life
LATER = 2.0  # seconds after which we stop what the server should have stopped
TOOK_TOO_LONG = {1969, 3024}  # the codes of MariaDB and MySQL
ROWS, SIZE = 1000, 1024**2  # of one answer; characters


@dataclass(frozen=True)
class Answer:
    """What a statement gave: rows, or how many it changed."""

    columns: list[str]
    rows: Rows
    truncated: bool
    affected: int


class Session:
    """An open transaction; `commit` ends it, else all is taken back."""

    def __init__(self, tenant: "Tenant", *, seconds: int, write: bool) -> None:
        self.tenant, self.seconds = tenant, seconds
        self._connection = self._log_in()
        self._number = self._connection.thread_id()  # not to be asked while it works
        mode = "READ WRITE" if write else "READ ONLY"
        with moodledb.told_of(tenant.server):
            for statement in (
                f"SET SESSION {self._time_limit()}, lock_wait_timeout = {seconds}",
                f"SET SESSION TRANSACTION {mode}",
                f"START TRANSACTION {mode}",
            ):
                self._connection.query(statement)

    def _log_in(self) -> Any:
        return moodledb.log_in(self.tenant, self.seconds + moodledb.READ_SECONDS)

    def _time_limit(self) -> str:
        if "MariaDB" in self._connection.get_server_info():
            return f"max_statement_time = {self.seconds}"
        return f"max_execution_time = {self.seconds * 1000}"

    def run(
        self, sql: str, values: Sequence[str], rows: int = ROWS, size: int = SIZE
    ) -> Generator[None, None, Answer]:
        """Run a statement, yield signs of life meanwhile, and return its answer.

        Closing the generator stops the statement at the server; so does the time
        limit, even where the server has none for what writes.
        """
        give_up = time.monotonic() + self.seconds + LATER
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(self._answer, sql, values, rows, size)
            try:
                while time.monotonic() < give_up:
                    with suppress(TimeoutError):
                        return answer.result(TICK)
                    yield
                raise self._too_long()
            finally:
                if not answer.done():
                    self._kill()

    def _answer(self, sql: str, values: Sequence[str], rows: int, size: int) -> Answer:
        try:
            with moodledb.told_of(self.tenant.server):
                return answer(self._connection, sql, values, rows, size)
        except MoodleDbError as error:
            if error.code in TOOK_TOO_LONG:
                raise self._too_long() from error
            raise

    def _too_long(self) -> MoodleDbError:
        return MoodleDbError(f"it took longer than {self.seconds} s and was stopped")

    def _kill(self) -> None:
        with suppress(MoodleDbError), moodledb.told_of(self.tenant.server):
            other = self._log_in()
            other.query(f"KILL {self._number}")
            other.close()

    def commit(self) -> None:
        with moodledb.told_of(self.tenant.server):
            self._connection.commit()

    def rollback(self) -> bool:
        """Take all back; False when the engine of a table cannot."""
        with moodledb.told_of(self.tenant.server):
            self._connection.rollback()
            warnings = self._connection.show_warnings()
        return all(w[1] != moodledb.NOT_ALL_TAKEN_BACK for w in warnings)

    def close(self) -> None:
        with suppress(MoodleDbError), moodledb.told_of(self.tenant.server):
            self._connection.close()


@contextmanager
def session(tenant: "Tenant", *, seconds: int, write: bool) -> Iterator[Session]:
    """Open a session; what was not committed by its end is taken back."""
    opened = Session(tenant, seconds=seconds, write=write)
    try:
        yield opened
    finally:
        opened.close()


def answer(
    connection: Connection, sql: str, values: Sequence[str], rows: int, size: int
) -> Answer:
    """Return what a statement gives: at most so many rows and characters of them.

    Without any rows it is one that writes, which no limit may cut short.
    """
    limit = rows + 1 if rows else "DEFAULT"
    connection.query(f"SET SESSION sql_select_limit = {limit}")
    with connection.row_by_row() as cursor:  # reads what is left
        cursor.execute(sql, tuple(values))
        if cursor.description is None:
            return Answer([], [], False, cursor.rowcount)
        found, truncated = _fitting(iter(cursor.fetchone, None), rows, size)
        return Answer([c[0] for c in cursor.description], found, truncated, 0)


def _fitting(all_rows: Iterable[Any], rows: int, size: int) -> tuple[Rows, bool]:
    """Return the rows that fit, and whether there are more."""
    found: Rows = []
    for row in all_rows:
        size -= sum(map(_weight, row))
        if len(found) >= rows or (size < 0 and found):
            return found, True
        found.append(row)
    return found, False


def _weight(value: object) -> int:
    """Return about how many characters JSON needs for a value."""
    if isinstance(value, str):
        return len(value) * (1 if value.isascii() else 6)
    return 2 * len(value) if isinstance(value, bytes) else 8
