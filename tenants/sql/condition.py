"""Conditions on the columns of one table: parsed, then written anew, values bound."""

import re
from dataclasses import dataclass

import sqlglot
from django.utils.translation import gettext as _
from sqlglot import exp
from sqlglot.errors import SqlglotError

COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.Like: "LIKE",
}


class Unclear(Exception):
    """The text is no such condition: one sentence says why."""


@dataclass(frozen=True)
class Condition:
    """A condition with a `?` for each of its values, and the columns it names."""

    sql: str
    values: list[str]
    columns: list[str]


def parse(text: str) -> Condition:
    """Return the condition that a text means; raise Unclear.

    Comparisons of a column with a value, IN, BETWEEN, LIKE and IS NULL, joined by AND,
    OR and NOT.

    >>> parse("id > 10 and name like 'a%'")
    Condition(sql='(`id` > ? AND `name` LIKE ?)', values=['10', 'a%'], \
columns=['id', 'name'])
    """
    try:
        tree = sqlglot.parse_one(text, dialect="mysql", into=exp.Condition)
        if any(node.comments for node in tree.walk()):
            raise Unclear(_("A comment is not allowed in a condition: leave it out"))
        writer = _Writer()
        return Condition(writer.write(tree), writer.values, writer.columns)
    except (SqlglotError, RecursionError):
        said = _(
            "%(text)r is no condition: compare columns with values, as in"
            " \"id > 10 AND name LIKE 'a%%'\""
        )
        raise Unclear(said % {"text": text[:80]}) from None


class _Writer:
    def __init__(self) -> None:
        self.values: list[str] = []
        self.columns: list[str] = []

    def write(self, node: exp.Expr) -> str:
        match node:
            case exp.And() | exp.Or():
                word = "AND" if isinstance(node, exp.And) else "OR"
                return f"({self.write(node.left)} {word} {self.write(node.right)})"
            case exp.Not():
                return f"(NOT {self.write(node.this)})"
            case exp.Paren():
                return self.write(node.this)
            case exp.Like() if node.args.get("negate"):
                plain = exp.Like(this=node.this, expression=node.expression)
                return f"(NOT {self.write(plain)})"
        test = self.test(node)
        return f"{self.column(node.this)} {test}"

    def test(self, node: exp.Expr) -> str:
        """Return what a column is held against; nothing that was parsed is ignored."""
        given = {name for name, value in node.args.items() if value}
        if isinstance(node, exp.In) and given == {"this", "expressions"}:
            return f"IN ({', '.join([self.value(item) for item in node.expressions])})"
        if isinstance(node, exp.Between) and given == {"this", "low", "high"}:
            low, high = self.value(node.args["low"]), self.value(node.args["high"])
            return f"BETWEEN {low} AND {high}"
        if given == {"this", "expression"}:
            if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
                return "IS NULL"
            if word := COMPARISONS.get(type(node)):
                return f"{word} {self.value(node.expression)}"
        raise _refused(node)

    def column(self, node: exp.Expr) -> str:
        plain = isinstance(node, exp.Column) and not node.table
        if not plain or not re.fullmatch("[a-z][a-z0-9_]{,62}", node.name):
            raise _refused(node)
        self.columns.append(node.name)
        return f"`{node.name}`"

    def value(self, node: exp.Expr) -> str:
        sign = ""
        if isinstance(node, exp.Neg):
            sign, node = "-", node.this
            if not isinstance(node, exp.Literal) or node.is_string:
                raise _refused(node)
        if not isinstance(node, exp.Literal):
            raise _refused(node)
        self.values.append(sign + node.name)
        return "?"


def _refused(node: exp.Expr) -> Unclear:
    said = _("%(text)r is not allowed: compare columns with values only")
    return Unclear(said % {"text": node.sql(dialect="mysql")[:80]})
