"""SQL that an operator wrote, understood before any server sees it. No I/O.

What is sent is put together from the very words that were checked, each in its plain
form, and texts as bound values: comments and tricks with quotes do not get through, and
a server reads what was read here. What is not known is refused.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from tenants import confidential
from tenants.sql.rules import check_tree, check_words, reads_all
from tenants.sql.tokens import (
    Dialect,
    Piece,
    Refused,
    Word,
    parameters,
    split,
    words_of,
)
from tenants.sql.words import CHANGES, READS, WRITES

# It tells of what it does not know, on standard error; here that is refused.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Statement:
    """One statement for any tenant: `compile` makes it one for a given tenant."""

    verb: str  # in capitals, such as UPDATE
    pieces: tuple[Piece, ...]
    tables: tuple[str, ...]  # of Moodle, without prefix
    wildcard: bool  # whether it reads columns without naming them

    def __str__(self) -> str:
        return f"{self.verb} {{{self.tables[0]}}}" if self.tables else self.verb

    @property
    def reads(self) -> bool:
        """Whether it only reads, and returns rows."""
        return self.verb.lower() in READS

    @property
    def commits(self) -> bool:
        """Whether the server commits it by itself, so that nothing takes it back."""
        return self.verb.lower() in CHANGES

    def compile(self, database: str, prefix: str) -> tuple[str, list[str]]:
        """Return the text, with `%s` for values, and the values.

        `database`, `prefix`: of the registry, which has checked them.
        """
        text, values = "", []
        for piece in self.pieces:
            text += " " if piece.space and text else ""
            if piece.kind in {"value", "database"}:
                values.append(database if piece.kind == "database" else piece.text)
                text += "%s"
            elif piece.kind == "text":
                text += piece.text.replace("%", "%%")
            else:
                text += _table(piece, database, prefix)
        return text, values


def _table(piece: Piece, database: str, prefix: str) -> str:
    name = f"`{prefix}{piece.text}`"
    if piece.kind == "qualifier":
        return name
    whole = f"`{database}`.{name}"
    if piece.kind == "table":
        return whole
    alias = f" AS {name}" if piece.alias else ""
    return confidential.without_secrets(piece.text, whole) + alias


def parse(text: str, values: Mapping[str, str]) -> list[Statement]:
    """Return the statements of a text; raise Refused, with one sentence.

    `{user}` (or `[[prefix]]user`) is a table of the tenant, `:name` one of the values.
    """
    parts = split(text)
    if not parts:
        raise Refused(_("There is no statement"))
    used = set().union(*map(parameters, parts))
    if spare := sorted(set(values) - used):
        raise Refused(_("No statement uses the parameter %(name)s"), name=spare[0])
    return [_statement(list(words_of(part, values)), text) for part in parts]


def _statement(words: Sequence[Word], text: str) -> Statement:
    first = next((word for word in words if not word.is_sign("(")), words[0])
    if first.lower not in READS | WRITES | CHANGES:
        known = ", ".join(sorted(READS | WRITES | CHANGES)).upper()
        said = _("%(text)r begins no statement that is available: %(known)s")
        raise Refused(said, text=first.piece.text[:40], known=known)
    tree = _tree(words, text)
    check_words(words, tree)
    pieces = check_tree(words, tree, first.lower)
    tables = [word.piece.text for word in words if word.role == "table"]
    verb = tree.key if first.lower == "with" else first.lower
    return Statement(
        verb="SELECT" if isinstance(tree, exp.Query) else verb.upper(),
        pieces=tuple(pieces),
        tables=tuple(dict.fromkeys(tables)),
        wildcard=reads_all(tree),
    )


def _tree(words: Sequence[Word], text: str) -> exp.Expr:
    tokens = [word.token for word in words]
    if words[0].lower == "replace":  # which the parser does not know as a statement
        tokens[0] = Dialect().tokenize("INSERT")[0]
    try:
        trees = Dialect().parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, text)
    except RecursionError:
        raise Refused(_("It is nested too deeply")) from None
    except SqlglotError as error:
        raise _lost(error) from None
    [tree] = trees
    if tree is None or any(
        not query.expressions for query in tree.find_all(exp.Select)
    ):
        said = _("It is no SQL that can be understood: a SELECT wants columns")
        raise Refused(said)
    return tree


def _lost(error: SqlglotError) -> Refused:
    """Return the refusal that says where the text cannot be understood."""
    [place, *_more] = getattr(error, "errors", []) or [{}]
    line, near = place.get("line"), (place.get("highlight") or "")[:40]
    said = _("It is no SQL that can be understood")
    if line:
        said = _("It is no SQL that can be understood in line %(line)s")
    if line and near:
        said = _("It is no SQL that can be understood in line %(line)s, near %(near)r")
    return Refused(said, line=line, near=near)
