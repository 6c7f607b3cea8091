"""Cut the text of a dump into its tables while it streams by."""

import hashlib
import re
from collections.abc import Callable, Container, Iterable

from tenants.backup.latekeys import LateKeys

MARK = b"\n/*!401"  # no line of a row begins so
BEGIN = b"\n/*!40101 SET @saved_cs_client"  # two lines before each CREATE TABLE
FOOT = b"\n/*!40103 SET TIME_ZONE=@OLD"  # behind all tables
NAME = re.compile(rb"CREATE TABLE `([^`]+)`\s*\(")
HEADER = 500  # bytes within which the name comes
ROW = b"\n("  # no line but a row begins so: line ends in values are escaped

Write = Callable[[bytes], object]


class Section:
    """One table of a dump: its name, its rows and bytes, and a digest of its text."""

    def __init__(self, name: str, write: Write, *, late: bool = False) -> None:
        self.name = name
        self.write = LateKeys(write) if late else write
        self.rows = self.bytes = 0
        self.digest = hashlib.sha256()

    def take(self, lines: bytes) -> None:
        self.count(lines)
        self.write(lines)

    def count(self, lines: bytes) -> None:
        self.rows += lines.count(ROW)
        self.bytes += len(lines)
        self.digest.update(lines)

    def end(self) -> None:
        if isinstance(self.write, LateKeys):
            self.write.end()


class Sections:
    """Gives the text of each table to what `choose` returns for its name.

    What stands before the first one and behind the last one, the dump's settings, goes
    to all of `heads`; the latter is kept in `foot`. The keys of the tables in `late`
    are given last, which no digest shows.
    """

    def __init__(
        self,
        choose: Callable[[str], Write],
        heads: Iterable[Write],
        late: Container[str] = (),
    ) -> None:
        self.choose, self.heads, self.late = choose, list(heads), late
        self.found: list[Section] = []
        self.rest = self.foot = b""
        self.ended = False

    def feed(self, data: bytes) -> None:
        """Take the next piece of the dump; b"" ends it."""
        text = self.rest + data
        # A line comes with the line end before it, once the one behind it is there.
        end = max(0, text.rfind(b"\n")) if data else len(text)
        start, mark = 0, text.find(MARK)
        while 0 <= mark < end:
            named = NAME.search(text, mark, mark + HEADER)
            begins, ends = (text.startswith(one, mark) for one in (BEGIN, FOOT))
            if begins and named is None and data:
                end = mark
                break
            if begins or ends:
                self._take(text[start:mark])
                self._end()
                start = mark
            if begins and named:
                self._begin(named[1].decode())
            self.ended |= ends
            mark = text.find(MARK, mark + 1)
        self._take(text[start:end])
        self.rest = text[max(start, end) :]
        if not data:
            self._end()

    def _begin(self, table: str) -> None:
        late = table in self.late
        self.found.append(Section(table, self.choose(table), late=late))

    def _end(self) -> None:
        if self.found:
            self.found[-1].end()

    def _take(self, lines: bytes) -> None:
        if self.ended:
            self.foot += lines
        if self.found and not self.ended:
            self.found[-1].take(lines)
        else:
            for head in self.heads:
                head(lines)
