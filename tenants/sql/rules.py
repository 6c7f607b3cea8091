"""What a statement may say: its words, its tables, and what of them it may read."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from sqlglot import exp

from tenants import confidential
from tenants.sql.tokens import Piece, Refused, Word
from tenants.sql.words import (
    ABOUT_TABLES,
    BEFORE_PARENTHESIS,
    CHANGES,
    CHARSET,
    FUNCTIONS,
    KEYWORDS,
    RESERVED,
)

ROOTS: dict[str, tuple[type[exp.Expr], ...]] = {
    "select": (exp.Query,),
    "with": (exp.Query, exp.Update, exp.Delete),
    "insert": (exp.Insert,),
    "replace": (exp.Insert,),
    "update": (exp.Update,),
    "delete": (exp.Delete,),
    "create": (exp.Create,),
    "alter": (exp.Alter,),
    "drop": (exp.Drop,),
    "truncate": (exp.TruncateTable,),
}
NEVER = (exp.Command, exp.Into, exp.Lock, exp.Parameter, exp.SessionParameter)
WRITING = (exp.DML, exp.DDL, exp.Drop, exp.Alter, exp.TruncateTable, exp.Merge)


def check_words(words: Sequence[Word], tree: exp.Expr) -> None:
    """Refuse words that are neither known nor the name of anything in the tree."""
    names = {name.name.lower() for name in tree.find_all(exp.Identifier)}
    for at, word in enumerate(words):
        before = words[at - 1] if at else None
        after = words[at + 1] if at + 1 < len(words) else None
        after_dot = before is not None and before.is_sign(".")
        if word.is_sign("."):
            _check_dot(before, after)
        elif word.role in {"word", "name"} and after and after.is_sign("("):
            _check_call(word, before)
        elif word.role == "word" and not after_dot:
            _check_word(word, names)
        if word.lower == "into" and (
            before is None or before.lower not in {"insert", "replace", "ignore"}
        ):
            raise Refused(_("INTO is available after INSERT and REPLACE only"))


def _check_dot(before: Word | None, after: Word | None) -> None:
    named = {"word", "name", "table"}
    if (
        before is None
        or after is None
        or before.role not in named
        or not (after.role in {"word", "name"} or after.is_sign("*"))
    ):
        raise Refused(
            _("A dot stands between a table and its column only (and 0.5 is not .5)")
        )


def _check_call(word: Word, before: Word | None) -> None:
    if before and before.is_sign("."):
        said = _("%(name)s() is a function of a database: not available")
        raise Refused(said, name=word.piece.text)
    if before and before.lower.rpartition(" ")[2] in {"index", "key", "unique"}:
        return  # the name of an index, with its columns
    if word.lower.rpartition(" ")[2] not in FUNCTIONS | BEFORE_PARENTHESIS:
        said = _("The function %(name)s() is not available")
        raise Refused(said, name=word.piece.text)


def _check_word(word: Word, names: set[str]) -> None:
    text = word.lower
    if all(part in KEYWORDS for part in text.split()) or CHARSET.fullmatch(text):
        return
    if text in RESERVED and text in names:
        said = _("%(word)s is a word of SQL: as a name, put it between back-quotes")
        raise Refused(said, word=word.piece.text)
    if text not in names:
        said = _("%(word)s is not available in a statement")
        raise Refused(said, word=word.piece.text)


def check_tree(words: Sequence[Word], tree: exp.Expr, verb: str) -> list[Piece]:
    """Refuse what a statement may not do; return its pieces, tables by their roles."""
    if not isinstance(tree, ROOTS[verb]):
        said = _("This kind of %(verb)s is not available")
        raise Refused(said, verb=verb.upper())
    for node in tree.walk():
        nested = isinstance(node, WRITING) and node is not tree
        if isinstance(node, NEVER) or (nested and verb != "alter"):
            word = "INTO" if isinstance(node, exp.Into) else node.key.upper()
            said = _("%(word)s is not available within %(verb)s")
            raise Refused(said, word=word, verb=verb.upper())
    if verb in CHANGES:
        _check_change(tree, verb)
    roles = _roles(words, tree)
    _check_secrets(words, tree)
    return [roles.get(at, word.piece) for at, word in enumerate(words)]


def _check_change(tree: exp.Expr, verb: str) -> None:
    kind = str(tree.args.get("kind") or "TABLE").upper()
    if kind not in ({"TABLE", "INDEX"} if verb == "create" else {"TABLE"}):
        said = _("%(verb)s %(kind)s is not available")
        raise Refused(said, verb=verb.upper(), kind=kind)
    if hidden := {name for name, _at in _direct(tree)} & set(confidential.SETTINGS):
        said = _("%(verb)s is not available for {%(table)s}")
        raise Refused(said, verb=verb.upper(), table=hidden.pop())


def _roles(words: Sequence[Word], tree: exp.Expr) -> dict[int, Piece]:
    """Return, by their places, what is sent for tables; refuse any other one."""
    places = {
        word.token.text: at for at, word in enumerate(words) if word.role == "table"
    }
    common = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    roles: dict[int, Piece] = {}
    for table in tree.find_all(exp.Table):
        at = places.get(table.name)
        if at is None:
            _check_other(table, common)
        else:
            roles[at] = _role(words[at].piece, table, tree)
    for column in tree.find_all(exp.Column):
        if column.args.get("db"):
            said = _("%(column)s: write {table}.column, without a database")
            raise Refused(said, column=column.sql())
        at = places.get(column.table)
        if at is not None:
            roles[at] = replace(words[at].piece, kind="qualifier")
    if stray := sorted(set(places.values()) - set(roles)):
        name = words[stray[0]].piece.text
        raise Refused(_("{%(name)s} stands where no table can be"), name=name)
    return roles


def _check_other(table: exp.Table, common: set[str]) -> None:
    """Refuse a table that is not written in braces, unless it is known to be safe."""
    name, database = table.name, table.db
    if not isinstance(table.this, exp.Identifier) or table.catalog:
        said = _("%(table)s is no table that may be read")
        raise Refused(said, table=table.sql()[:60])
    if database.lower() == "information_schema" and name.lower() in ABOUT_TABLES:
        return
    if database:
        said = _(
            "%(database)s.%(name)s is not of the tenant: write {table} for a table of"
            " its own, without prefix"
        )
        raise Refused(said, database=database, name=name)
    if name.lower() not in common:
        said = _(
            "%(name)s is no table here: write {table} for a table of the tenant,"
            " without prefix"
        )
        raise Refused(said, name=name)


def _role(piece: Piece, table: exp.Table, tree: exp.Expr) -> Piece:
    name = piece.text
    if name in confidential.TABLES:
        said = _("{%(name)s} is out of bounds: it opens sessions or other systems")
        raise Refused(said, name=name)
    if table.db or table.catalog:
        said = _("Leave the database before {%(name)s} out: it is the tenant's")
        raise Refused(said, name=name)
    if name not in confidential.SETTINGS:
        return piece
    if not any(at is table for _name, at in _direct(tree)):
        return replace(piece, kind="settings", alias=not table.alias)
    _check_settings(name, tree)
    return piece


def _direct(tree: exp.Expr) -> list[tuple[str, exp.Table]]:
    """Return the tables that a statement writes to, or reads to do so.

    Not those of its queries, which only read.
    """
    return [
        (table.name.strip("{}").partition(":")[0], table)
        for table in tree.find_all(exp.Table)
        if table.find_ancestor(exp.Query) is None
    ]


def _check_settings(name: str, tree: exp.Expr) -> None:
    """Refuse to write settings so that a secret could be read under another name."""
    if len(_direct(tree)) > 1:
        said = _(
            "{%(name)s} cannot be joined in a statement that writes: use a subquery"
        )
        raise Refused(said, name=name)
    values = confidential.SETTINGS[name][1]
    if wrong := sorted(set(_updated(tree)) - values):
        said = _("Of {%(name)s} only %(allowed)s can be updated, not %(wrong)s")
        allowed = get_text_list(sorted(values), _("and"))
        raise Refused(said, name=name, allowed=allowed, wrong=wrong[0])


def _check_secrets(words: Sequence[Word], tree: exp.Expr) -> None:
    """Refuse to read columns that are secret; they may be given a value."""
    named = Counter(
        name
        for word in words
        if word.role in {"word", "name"}
        and (name := word.piece.text.strip("`").lower()) in confidential.COLUMNS
    )
    for name, number in (named - Counter(_assigned(tree))).items():
        if number:
            said = _("The column %(name)s is secret: it may be written, not read")
            raise Refused(said, name=name)
    if reads_all(tree):
        tables = {word.piece.text for word in words if word.role == "table"}
        if secret := sorted(tables & confidential.WITH_COLUMNS):
            said = _(
                "{%(name)s} has a secret column: name the columns you want, instead"
                " of *"
            )
            raise Refused(said, name=secret[0])


def reads_all(tree: exp.Expr) -> bool:
    """Whether the statement reads columns that it does not name."""
    stars = tree.find_all(exp.Star)
    return any(not isinstance(star.parent, exp.Count) for star in stars)


def _assigned(tree: exp.Expr) -> Iterator[str]:
    """Yield the columns that the statement gives a value."""
    if isinstance(tree, exp.Insert) and isinstance(tree.this, exp.Schema):
        yield from (column.name.lower() for column in tree.this.expressions)
    yield from _updated(tree)


def _updated(tree: exp.Expr) -> Iterator[str]:
    """Yield the columns of rows that are there, which get a new value."""
    sets = list(tree.expressions) if isinstance(tree, exp.Update) else []
    conflict = tree.args.get("conflict")
    sets += conflict.expressions if conflict else []
    for assignment in sets:
        if isinstance(assignment, exp.EQ):
            yield assignment.this.name.lower()
