from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import register
from commands.sql.statement import SqlCommand


@register
class Sql(SqlCommand):
    """Run one SQL statement in the site's database.

    Only reads, unless `write` is given; then it is one transaction, and what it changed
    cannot be taken back later. Moodle does not notice what changes behind its back: let
    the caches be purged. Sessions, tokens and passwords cannot be read.

    Example of attributes: sql=SELECT+COUNT(*)+FROM+{user}+WHERE+auth=:a&parameters=a=x
    """

    def clean(self) -> None:
        super().clean()
        if len(getattr(self, "statements", [])) > 1:
            raise ValidationError(
                {"sql": _("This is more than one statement: sql/MultiSql runs several")}
            )
