"""Read a Moodle's config.php without running it.

Only plain assignments are believed: `$CFG->name = value;` with a text, a number, a
constant or a list of these, outside of any condition. Whatever is computed is told.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOKEN = re.compile(
    r"""
      (?P<space>\s+|//[^\n]*|\#(?!\[)[^\n]*|/\*.*?\*/|<\?php|\?>)
    | (?P<single>'(?:[^'\\]|\\.)*')
    | (?P<double>"(?:[^"\\]|\\.)*")
    | (?P<heredoc><<<[ \t]*['"]?(?P<tag>\w+)['"]?\n.*?\n[ \t]*(?P=tag)\b)
    | (?P<setting>\$CFG\s*->\s*(?P<name>\w+))
    | (?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|\d+\.\d+|\d+)\b)
    | (?P<word>\$?[A-Za-z_\\][\w\\]*)
    | (?P<mark>=>|->|::|.)
    """,
    re.DOTALL | re.VERBOSE,
)
CONSTANTS = {"true": True, "false": False, "null": None}
CONDITIONS = {"if", "else", "elseif", "foreach", "for", "while", "switch", "function"}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "e": "\x1b", "f": "\f"}
OPENING, CLOSING = {"(": ")", "[": "]"}, {")", "]"}


class Computed(Exception):
    """A value that only PHP can tell."""


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    line: int
    name: str = ""


@dataclass
class PhpConfig:
    """The settings of a config.php, and what could not be read there."""

    values: dict[str, Any] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)  # why not, by setting

    def text(self, name: str) -> str:
        """Return a setting as text, "" when it is not there."""
        value = self.values.get(name)
        return "" if value is None or value is False else str(value)


def read(path: Path) -> PhpConfig:
    """Return what a file sets; raises OSError."""
    return parse(path.read_text(encoding="utf-8", errors="replace"))


def parse(text: str) -> PhpConfig:
    r"""Return what a text of PHP sets.

    >>> parse("<?php $CFG->dbname = 'a'; $CFG->x = getenv('X');")
    PhpConfig(values={'dbname': 'a'}, told={'x': 'line 1 computes it'})
    """
    found = PhpConfig()
    for statement, certain in _statements(list(_tokens(text))):
        for at, token in enumerate(statement):
            if token.kind == "setting":
                _take(found, token, statement[at:], certain=certain and at == 0)
    return found


def _tokens(text: str) -> Iterator[Token]:
    line = 1
    for found in TOKEN.finditer(text):
        kind = str(found.lastgroup)
        if found["setting"]:
            yield Token("setting", found[0], line, found["name"])
        elif found["heredoc"]:
            yield Token("heredoc", found[0], line)
        elif kind != "space":
            yield Token(kind, found[0], line)
        line += found[0].count("\n")


def _statements(tokens: list[Token]) -> Iterator[tuple[list[Token], bool]]:
    """Yield the tokens of each statement, and whether it is surely carried out."""
    current: list[Token] = []
    braces, alternative = 0, 0
    for token in tokens:
        if token.text == ";" or token.text in "{}":
            word = current[0].text.lower() if current else ""
            ends = word in {"endif", "endforeach", "endfor", "endwhile", "endswitch"}
            alternative -= ends
            plain = not braces and not alternative and word not in CONDITIONS
            yield current, plain
            braces += {"{": 1, "}": -1}.get(token.text, 0)
            current = []
        elif token.text == ":" and current and current[0].text.lower() in CONDITIONS:
            yield current, False
            alternative += current[0].text.lower() not in {"else", "elseif"}
            current = []
        else:
            current.append(token)
    yield current, False


def _take(
    found: PhpConfig, token: Token, statement: list[Token], *, certain: bool
) -> None:
    """Note one setting of a statement that begins with it."""
    name, rest = token.name, statement[1:]
    key, rest = _index(rest)
    if not rest or rest[0].text != "=" or (len(rest) > 1 and rest[1].text == "="):
        if len(rest) > 1 and rest[1].text == "=" and rest[0].text in ".+-*/?":
            _tell(found, name, f"line {token.line} computes it")
        return  # it is only read there
    if not certain:
        _tell(found, name, f"line {token.line} sets it in a condition")
        return
    try:
        value, left = _value(rest[1:])
        if left:
            raise Computed
        if key is None:
            found.values[name] = value
            found.told.pop(name, None)
        else:
            found.values.setdefault(name, {})[key] = value
    except (Computed, TypeError):
        _tell(found, name, f"line {token.line} computes it")


def _tell(found: PhpConfig, name: str, why: str) -> None:
    found.values.pop(name, None)
    found.told[name] = why


def _index(rest: list[Token]) -> tuple[Any, list[Token]]:
    """Return the key of `['key']` that follows a setting, and what comes then."""
    if len(rest) > 2 and rest[0].text == "[" and rest[2].text == "]":
        try:
            return _value(rest[1:2])[0], rest[3:]
        except Computed:
            return "", []
    return None, rest


def _value(tokens: list[Token]) -> tuple[Any, list[Token]]:
    """Return the value that the tokens begin with, and the tokens after it."""
    value, rest = _single(tokens)
    while rest and rest[0].text == "." and rest[0].kind == "mark":
        more, rest = _single(rest[1:])
        value = f"{value}{more}"
    return value, rest


def _single(tokens: list[Token]) -> tuple[Any, list[Token]]:
    if not tokens:
        raise Computed
    first, rest = tokens[0], tokens[1:]
    word = first.text.lower()
    if first.kind in {"single", "double"}:
        return _text(first), rest
    if first.kind == "number":
        return _number(first.text), rest
    if word in CONSTANTS:
        return CONSTANTS[word], rest
    if word == "array" and rest and rest[0].text == "(":
        return _list(rest[1:], ")")
    if first.text == "[":
        return _list(rest, "]")
    raise Computed


def _list(tokens: list[Token], end: str) -> tuple[Any, list[Token]]:
    """Return a PHP array, as a dict unless it has no keys."""
    found: dict[Any, Any] = {}
    keyed = False
    while tokens and tokens[0].text != end:
        value, tokens = _value(tokens)
        key: Any = len(found)
        if tokens and tokens[0].text == "=>":
            key, keyed = value, True
            value, tokens = _value(tokens[1:])
        found[key] = value
        if tokens and tokens[0].text == ",":
            tokens = tokens[1:]
        elif not tokens or tokens[0].text != end:
            raise Computed
    if not tokens:
        raise Computed
    return (found if keyed else list(found.values())), tokens[1:]


def _text(token: Token) -> str:
    inner = token.text[1:-1]
    if token.kind == "single":
        return re.sub(r"\\([\\'])", r"\1", inner)
    if re.search(r"(?<!\\)(\\\\)*(\$[A-Za-z_{]|\{\$)", inner) or "\\u" in inner:
        raise Computed
    if re.search(r"\\[0-7x]", inner):
        raise Computed
    plain = {"\\": "\\", '"': '"', "$": "$", **ESCAPES}
    return re.sub(r"\\(.)", lambda m: plain.get(m[1], m[0]), inner, flags=re.DOTALL)


def _number(text: str) -> int | float:
    """Return a number; a leading 0 means octal, as in 02770."""
    if "." in text:
        return float(text)
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    if digits.lower().startswith("0x"):
        return sign * int(digits, 16)
    return sign * int(digits, 8 if len(digits) > 1 and digits[0] == "0" else 10)
