"""A table of a dump whose keys are made when all its rows are there.

Then a key is sorted once and written page by page: the load of a big table takes half
the time. What is loaded is the same table.
"""

import re
from collections.abc import Callable

CREATED = b"\n) ENGINE="  # ends the columns and keys
KEY = re.compile(rb",\n  ((?:UNIQUE )?KEY `[^`]+` [^\n]*?)(?=,?\n|$)")
PRIMARY = re.compile(rb"\n  PRIMARY KEY \((`[^`]+`)")
COUNTER = re.compile(rb"\n  (`[^`]+`) [^\n]* AUTO_INCREMENT")
NAME = re.compile(rb"CREATE TABLE (`[^`]+`)")


class LateKeys:
    """Takes the text of one table, and `end` when there is no more of it."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.write = write
        self.begun: bytes | None = b""  # None once the definition is written
        self.later = b""

    def __call__(self, lines: bytes) -> None:
        if self.begun is None:
            self.write(lines)
            return
        self.begun += lines
        if CREATED in self.begun:
            head, mark, rest = self.begun.partition(CREATED)
            head, self.later = without_keys(head)
            self.begun = None
            self.write(head + mark + rest)

    def end(self) -> None:
        if self.begun:
            self.write(self.begun)
        if self.later:
            self.write(self.later)
        self.begun, self.later = None, b""


def without_keys(text: bytes) -> tuple[bytes, bytes]:
    """Return a definition without its keys, and the statement that adds them.

    A key that the table cannot be without for a while stays: that of a counter, and
    all of a table with foreign keys.
    """
    primary, counter = PRIMARY.search(text), COUNTER.search(text)
    name, keys = NAME.search(text), KEY.findall(text)
    bound = b"\n  CONSTRAINT " in text
    if bound or not (name and primary and keys):
        return text, b""
    if counter and counter[1] != primary[1]:
        return text, b""
    adds = b", ".join(b"ADD " + key for key in keys)
    return KEY.sub(b"", text), b"\nALTER TABLE " + name[1] + b" " + adds + b";"
