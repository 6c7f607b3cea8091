from commands.base import register
from commands.sql.statement import SqlCommand


@register
class MultiSql(SqlCommand):
    """Run several SQL statements in the site's database, in order, all or nothing.

    They are one transaction: if one fails, the site is as it was. Separate them by
    semicolons. Only the last may be a SELECT. What changes tables themselves (CREATE,
    ALTER, DROP, TRUNCATE) cannot be taken back, so it must be the only statement.
    Moodle does not notice what changes behind its back: let the caches be purged.

    Example of attributes: write=1&sql=DELETE+FROM+{x};DELETE+FROM+{y}
    """
