"""Replace text inside of PHP's serialised values, whose lengths must stay right."""

import re
from collections.abc import Callable

STRING = re.compile(rb's:(\d+):"')
BEGINS = re.compile(rb'(a:\d+:\{|O:\d+:"|s:\d+:")')

Change = Callable[[bytes], bytes]


def is_serialised(value: bytes) -> bool:
    """Whether a value looks like a serialised array, object or string."""
    return bool(BEGINS.match(value)) and value[-1:] in b"};"


def changed(value: bytes, change: Change) -> bytes:
    """Return a serialised value whose strings have been changed, keys as well.

    >>> changed(b'a:1:{i:0;s:3:"abc";}', lambda text: text.replace(b"b", b"--"))
    b'a:1:{i:0;s:4:"a--c";}'
    """
    parts, at = [], 0
    while found := STRING.search(value, at):
        begin, length = found.end(), int(found[1])
        text, end = value[begin : begin + length], begin + length
        if value[end : end + 1] != b'"':
            raise ValueError("it is not serialised by PHP")
        fresh = change(text)
        parts += [value[at : found.start()], b's:%d:"' % len(fresh), fresh]
        at = end
    return b"".join([*parts, value[at:]])
