"""Cut the text of a dump into its tables while it streams by."""

import hashlib
import re
from collections.abc import Callable, Iterable

BEGIN = b"\n/*!40101 SET @saved_cs_client"  # two lines before each CREATE TABLE
NAME = re.compile(rb"CREATE TABLE `([^`]+)`\s*\(")
HEADER = 500  # bytes within which the name comes
ROW = b"\n("  # no line but a row begins so: line ends in values are escaped

Write = Callable[[bytes], object]


class Section:
    """One table of a dump: its name, its rows and bytes, and a digest of its text."""

    def __init__(self, name: str, write: Write) -> None:
        self.name, self.write = name, write
        self.rows = self.bytes = 0
        self.digest = hashlib.sha256()

    def take(self, lines: bytes) -> None:
        self.rows += lines.count(ROW)
        self.bytes += len(lines)
        self.digest.update(lines)
        self.write(lines)


class Sections:
    """Gives the text of each table to what `choose` returns for its name.

    What stands before the first one, the dump's settings, goes to all of `heads`.
    """

    def __init__(self, choose: Callable[[str], Write], heads: Iterable[Write]) -> None:
        self.choose, self.heads = choose, list(heads)
        self.found: list[Section] = []
        self.rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next piece of the dump; b"" ends it."""
        text = self.rest + data
        # A line comes with the line end before it, once the one behind it is there.
        end = max(0, text.rfind(b"\n")) if data else len(text)
        start, begin = 0, text.find(BEGIN)
        while 0 <= begin < end:
            named = NAME.search(text, begin, begin + HEADER)
            if named is None and data:
                end = begin
                break
            self._take(text[start:begin])
            if named:
                table = named[1].decode()
                self.found.append(Section(table, self.choose(table)))
            start, begin = begin, text.find(BEGIN, begin + 1)
        self._take(text[start:end])
        self.rest = text[max(start, end) :]

    def _take(self, lines: bytes) -> None:
        if self.found:
            self.found[-1].take(lines)
        else:
            for head in self.heads:
                head(lines)
