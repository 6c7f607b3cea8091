"""What the two SQL commands share: the form, and how statements are run."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import Command, CommandFailed, Json, Steps
from commands.sql.cells import cell, named
from commands.validation import invalid
from tenants import confidential, php
from tenants.models import Tenant
from tenants.moodledb import MoodleDbError
from tenants.session import Answer, Session, session

if TYPE_CHECKING:
    from tenants.sql.statements import Statement

LONGEST = 100_000  # characters of a text of SQL
MOST_ROWS = 10_000
FIND_COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = %s AND table_name IN ({tables})
AND LOWER(column_name) IN ({columns})
"""


class LinesField(forms.CharField):
    """Text of several lines, which a browser ends otherwise than a shell."""

    def to_python(self, value: object) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class SqlCommand(Command):
    """SQL as an operator wrote it, in one transaction of the tenant's own account."""

    statements: "list[Statement]"

    sql = LinesField(
        label="SQL",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_(
            "{user} stands for the table user of each site, whatever its prefix; "
            ":name for one of the parameters."
        ),
    )
    parameters = LinesField(
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("A line name=value for each; or all in one, as a querystring."),
    )
    write = forms.BooleanField(
        required=False,
        help_text=_("Allow statements that change data. Without it none can."),
    )
    purge_caches = forms.BooleanField(
        required=False,
        help_text=_("After writing, purge all caches of the site."),
    )
    max_rows = forms.IntegerField(
        initial=1000,
        min_value=1,
        max_value=MOST_ROWS,
        help_text=_("How many rows of each site are kept; a site may have more."),
    )
    max_seconds = forms.IntegerField(
        initial=30,
        min_value=1,
        max_value=3600,
        help_text=_("Seconds after which a statement is stopped."),
    )

    def is_dangerous(self) -> bool:
        return bool(self.cleaned_data["write"])

    def clean_parameters(self) -> dict[str, str]:
        return named_values(self.cleaned_data["parameters"])

    def clean(self) -> None:
        # Reading does not hold the tenant.
        self.exclusive = bool(self.cleaned_data.get("write"))
        if not {"sql", "parameters"} <= set(self.cleaned_data):
            return
        # Only here: importing the parser takes longer than most of our commands.
        from tenants.sql.statements import parse
        from tenants.sql.tokens import Refused

        try:
            self.statements = parse(
                self.cleaned_data["sql"], self.cleaned_data["parameters"]
            )
        except Refused as refused:
            raise ValidationError({"sql": str(refused)}) from refused
        self._check_together()

    def _check_together(self) -> None:
        writing = [each for each in self.statements if not each.reads]
        if writing and not self.exclusive:
            raise ValidationError(
                {
                    "write": invalid(
                        _("%(statement)s changes data: it needs write=1"),
                        statement=writing[0],
                    )
                }
            )
        if not writing and self.cleaned_data["write"]:
            raise ValidationError({"write": _("Nothing here writes: leave write out")})
        if self.cleaned_data["purge_caches"] and not writing:
            raise ValidationError({"purge_caches": _("It goes with write only")})
        if len(self.statements) > 1:
            self._check_several()

    def _check_several(self) -> None:
        for statement in self.statements:
            if statement.commits:
                raise ValidationError(
                    {
                        "sql": invalid(
                            _(
                                "%(statement)s cannot be taken back, so it must be the "
                                "only statement"
                            ),
                            statement=statement,
                        )
                    }
                )
        if any(statement.reads for statement in self.statements[:-1]):
            raise ValidationError(
                {
                    "sql": _(
                        "Only the last statement may be a SELECT: its rows are shown"
                    )
                }
            )

    def run(self, tenant: Tenant) -> Steps:
        write, seconds = self.cleaned_data["write"], self.cleaned_data["max_seconds"]
        with session(tenant, seconds=seconds, write=write) as opened:
            for statement in self.statements:
                yield from refuse_secrets(opened, statement, tenant)
            answers = yield from self._answers(opened, tenant)
            if write:
                self._commit(opened)
        if self.cleaned_data["purge_caches"]:
            yield from self._purge(tenant)
        return self._result(answers)

    def _answers(
        self, opened: Session, tenant: Tenant
    ) -> Generator[str | None, None, list[Answer]]:
        answers: list[Answer] = []
        for number, statement in enumerate(self.statements, 1):
            name = f"{number}. {statement}" if len(self.statements) > 1 else statement
            sql, values = statement.compile(tenant.db_name, tenant.db_prefix)
            try:
                rows = self.cleaned_data["max_rows"] if statement.reads else 0
                answer = yield from opened.run(sql, values, rows)
            except MoodleDbError as error:
                raise CommandFailed(f"{name}: {self._taken_back(opened, error)}") from (
                    error
                )
            yield f"{name}: {_told(statement, answer)}"
            answers.append(answer)
        return answers

    def _taken_back(self, opened: Session, error: MoodleDbError) -> str:
        if not self.cleaned_data["write"]:
            return str(error)
        try:
            whole = opened.rollback()
        except MoodleDbError:  # it is gone, and the transaction with it
            whole = True
        left = "what it changed in tables that are not InnoDB is left"
        return f"{error}; {'nothing was changed' if whole else left}"

    def _commit(self, opened: Session) -> None:
        try:
            opened.commit()
        except MoodleDbError as error:
            raise CommandFailed(
                f"{error}, while the changes were confirmed: look whether they are made"
            ) from error

    def _purge(self, tenant: Tenant) -> php.Lines:
        try:
            return (
                yield from php.run(
                    tenant, "admin/cli/purge_caches.php", [], job=self.job
                )
            )
        except php.PhpError as error:
            raise CommandFailed(
                f"the changes are made, but the caches are not purged: {error}",
                error.exit_code,
            ) from error

    def _result(self, answers: list[Answer]) -> Json:
        affected = sum(answer.affected for answer in answers)
        last = answers[-1]
        if self.statements[-1].reads:
            rows: list[Any] = [[cell(value) for value in row] for row in last.rows]
            columns = named(last.columns)
        else:
            columns = ["statement", "affected"]
            both = zip(self.statements, answers, strict=True)
            rows = [[str(statement), answer.affected] for statement, answer in both]
        return {
            "columns": columns,
            "rows": rows,
            "truncated": last.truncated,
            "affected": affected,
        }


def _told(statement: "Statement", answer: Answer) -> str:
    if not statement.reads:
        return f"{answer.affected} rows changed"
    return f"{len(answer.rows)} rows" + (", and more" if answer.truncated else "")


def refuse_secrets(
    opened: Session, statement: "Statement", tenant: Tenant
) -> Generator[None, None, None]:
    """Refuse `*` where a table has, in this site, a column that nobody reads."""
    if not statement.wildcard or not statement.tables:
        return
    names = [f"{tenant.db_prefix}{table}" for table in statement.tables]
    secret = sorted(confidential.COLUMNS)
    sql = FIND_COLUMNS.format(
        tables=", ".join(["%s"] * len(names)), columns=", ".join(["%s"] * len(secret))
    )
    answer = yield from opened.run(sql, [tenant.db_name, *names, *secret])
    if answer.rows:
        table, column = answer.rows[0]
        raise CommandFailed(
            f"{table} has a secret column ({column}): name the columns you want, "
            "instead of *"
        )


def named_values(text: str) -> dict[str, str]:
    """Return parameters by name: lines of name=value, or one line of a querystring.

    A line is taken as it is; only where `&` joins several are they percent-encoded.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and "&" in lines[0]:
        try:
            pairs = parse_qsl(lines[0], keep_blank_values=True, strict_parsing=True)
        except ValueError:
            raise ValidationError(
                _(
                    "It is not of the form name=value&name=value: write & in a value "
                    "as %26"
                )
            ) from None
    else:
        pairs = [_pair(line) for line in lines]
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValidationError(_("A parameter has two values"))
    for name in found:
        if not name.isidentifier() or not name.isascii():
            raise invalid(
                _("%(name)r is no name of a parameter: use letters, digits and '_'"),
                name=name[:40],
            )
    return found


def _pair(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals:
        raise invalid(_("%(line)r is not of the form name=value"), line=line[:40])
    return name.strip(), value
