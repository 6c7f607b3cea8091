"""The words of a text of SQL, each with the plain form in which it is sent."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext as _
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*( [A-Za-z_][A-Za-z0-9_]*)*")
NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?")
SIGNS = frozenset(
    ["(", ")", ",", ".", "=", "<>", "!=", "<", ">", "<=", ">=", "<=>", "+", "-", "*"]
    + ["/", "%", "&", "|", "^", "~", "&&", "||", "!", "->", "->>"]
)
TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
LONGEST_NAME = 64  # of a column, in characters


class Refused(Exception):
    """The text is not what may be sent: one sentence says why."""

    def __init__(self, sentence: str, **names: object) -> None:
        super().__init__(sentence % names if names else sentence)


class Dialect(MySQL):
    """MySQL's, where a statement that begins with REPLACE is made of words as well."""

    class Tokenizer(MySQL.Tokenizer):
        COMMANDS: ClassVar[set[TokenType]] = set()


@dataclass(frozen=True)
class Piece:
    """A part of what is sent: text, value, database (the tenant's, as a value), table,
    qualifier (a table before its column), settings (a table without its secrets).
    """

    kind: str
    text: str
    space: bool = True  # before it
    alias: bool = False  # settings: whether the statement gives it no name


@dataclass(frozen=True)
class Word:
    """One word, number, sign, text or name of a statement."""

    role: str  # word, name (between back-quotes), table, value, number, sign
    token: Token  # as the parser gets it
    piece: Piece

    @property
    def lower(self) -> str:
        """Return the word in lower case, "" for what is none."""
        return self.piece.text.lower() if self.role == "word" else ""

    def is_sign(self, sign: str) -> bool:
        return self.role == "sign" and self.piece.text == sign


def split(text: str) -> list[list[Token]]:
    """Return the tokens of each statement of a text."""
    try:
        tokens = Dialect().tokenize(text)
    except SqlglotError:
        raise Refused(_("A quote, a back-quote or a comment is not closed")) from None
    parts: list[list[Token]] = [[]]
    for token in tokens:
        for comment in token.comments:
            if re.match(r"M?!", comment):
                said = _("/*%(text)s*/ is a comment that servers execute: leave it out")
                raise Refused(said, text=comment[:40])
        if token.token_type == TokenType.SEMICOLON:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def words_of(tokens: Sequence[Token], values: Mapping[str, str]) -> Iterator[Word]:
    """Yield the words of one statement, with values in the place of `:name`."""
    at = 0
    while at < len(tokens):
        if table := _table(tokens, at):
            name, length = table
            yield _table_word(name, tokens, at)
        elif _is_database(tokens, at):
            length = 3
            string = _as(tokens[at], TokenType.STRING, "")
            yield Word("value", string, Piece("database", ""))
        elif tokens[at].token_type == TokenType.COLON:
            length = 2
            yield _parameter(tokens, at, values)
        else:
            length = 1
            yield _word(tokens, at)
        at += length


def parameters(tokens: Sequence[Token]) -> set[str]:
    """Return the names that are used as `:name`."""
    return {
        after.text
        for token, after in zip(tokens, tokens[1:], strict=False)
        if token.token_type == TokenType.COLON
    }


def _table(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    """Return the table that is written at this place, and how many tokens that are."""
    kinds = [token.token_type for token in tokens[at : at + 6]]
    left, right = TokenType.L_BRACKET, TokenType.R_BRACKET
    if kinds[0] == TokenType.L_BRACE and kinds[2:3] == [TokenType.R_BRACE]:
        name, length = tokens[at + 1].text, 3
    elif (
        [*kinds[:2], *kinds[3:5]] == [left, left, right, right]
        and tokens[at + 2].text == "prefix"
        and len(kinds) == 6
    ):
        name, length = tokens[at + 5].text, 6
    else:
        return None
    parts = tokens[at : at + length]
    apart = any(a.end + 1 != b.start for a, b in zip(parts, parts[1:], strict=False))
    if apart or not TABLE_NAME.fullmatch(name):
        said = _(
            "{%(name)s} is no table of Moodle: its name is lower-case letters, digits"
            " and '_', without prefix and spaces"
        )
        raise Refused(said, name=name[:70])
    return name, length


def _is_database(tokens: Sequence[Token], at: int) -> bool:
    """Whether this is DATABASE(), which to the tenant's connection is no database."""
    left, right = TokenType.L_PAREN, TokenType.R_PAREN
    after = [token.token_type for token in tokens[at + 1 : at + 3]]
    name = tokens[at]
    return (
        name.text.upper() == "DATABASE"
        and name.token_type not in (TokenType.STRING, TokenType.IDENTIFIER)
        and after == [left, right]
    )


def _table_word(name: str, tokens: Sequence[Token], at: int) -> Word:
    # The number tells its places apart in the tree.
    token = _as(tokens[at], TokenType.IDENTIFIER, f"{{{name}:{at}}}")
    return Word("table", token, Piece("table", name))


def _parameter(tokens: Sequence[Token], at: int, values: Mapping[str, str]) -> Word:
    name = tokens[at + 1].text if at + 1 < len(tokens) else ""
    if name not in values:
        said = _("There is no value for the parameter :%(name)s")
        raise Refused(said, name=name[:40])
    value = values[name]
    if not _counts_rows(tokens, at):
        string = _as(tokens[at], TokenType.STRING, value)
        return Word("value", string, Piece("value", value))
    if not re.fullmatch(r"[0-9]{1,18}", value):
        said = _("LIMIT takes whole numbers, and :%(name)s is %(value)r")
        raise Refused(said, name=name, value=value[:40])
    return Word(
        "number", _as(tokens[at], TokenType.NUMBER, value), Piece("text", value)
    )


def _counts_rows(tokens: Sequence[Token], at: int) -> bool:
    """Whether the place is that of a number of rows, which no text may take."""
    before = [token.token_type for token in tokens[max(0, at - 4) : at]]
    if before[-1:] == [TokenType.COMMA]:  # LIMIT 5, 10
        return TokenType.LIMIT in before[-3:]
    return before[-1:] in ([TokenType.LIMIT], [TokenType.OFFSET])


def _as(token: Token, kind: TokenType, text: str) -> Token:
    return Token(kind, text, token.line, token.col, token.start, token.end)


def _word(tokens: Sequence[Token], at: int) -> Word:
    token = tokens[at]
    kind, text = token.token_type, token.text
    if kind == TokenType.STRING:
        return Word("value", token, Piece("value", text))
    if kind == TokenType.IDENTIFIER:
        return Word("name", token, Piece("text", _quoted(text), _space(tokens, at)))
    if kind == TokenType.NUMBER and NUMBER.fullmatch(text):
        return Word("number", token, Piece("text", text))
    if kind == TokenType.HEX_STRING and re.fullmatch(r"([0-9A-Fa-f]{2})+", text):
        return Word("number", token, Piece("text", f"0x{text}"))
    if kind not in SPECIAL:
        plain = " ".join(text.split())
        if text.isascii() and WORD.fullmatch(plain):
            return Word("word", token, Piece("text", plain, _space(tokens, at)))
        if text in SIGNS:
            return Word("sign", token, Piece("text", text, _space(tokens, at)))
    said = _(
        "%(text)r is not known here: texts stand between quotes, and names with other"
        " signs than letters, digits and '_' between back-quotes"
    )
    raise Refused(said, text=text[:40])


# They may look like words or signs, but are more.
SPECIAL = {
    TokenType.BIT_STRING,
    TokenType.BYTE_STRING,
    TokenType.HEX_STRING,
    TokenType.HINT,
    TokenType.INTRODUCER,
    TokenType.NATIONAL_STRING,
    TokenType.NUMBER,
}


def _quoted(name: str) -> str:
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or "{" in name:
        said = _("%(name)r between back-quotes is no name of a column")
        raise Refused(said, name=name[:70])
    doubled = name.replace("`", "``")
    return f"`{doubled}`"


def _space(tokens: Sequence[Token], at: int) -> bool:
    """Whether there is a space before: not at a dot, nor after a function's name."""
    if at == 0:
        return True
    before, token = tokens[at - 1], tokens[at]
    if TokenType.DOT in (before.token_type, token.token_type):
        return False
    touches = before.end + 1 == token.start
    return token.token_type != TokenType.L_PAREN or not touches
