from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register
from commands.models import Job
from tenants.models import Tenant


@register
class SetupRedisInstance(AgentCommand):
    """Add a Redis cache store to the site and, if asked, use it.

    The server must answer, else nothing is changed. Every site gets a key prefix of
    its own, without which sites would read each other's caches.

    Example of attributes: redisname=redis&redishost=127.0.0.1:6379&activate=1
    """

    operation = "setup_redis"
    letters = {
        "redisname": "N",
        "redishost": "R",
        "redisdbid": "i",
        "redisprefix": "P",
        "redispwd": "p",
        "activate": "a",
    }

    redisname = forms.RegexField(
        r"\A[a-zA-Z0-9_ -]+\Z",
        max_length=64,
        help_text=_("Name of the store: letters, digits, '_', '-' and spaces."),
    )
    redishost = forms.RegexField(
        r"\A(/[^\s:]+|[a-zA-Z0-9.-]+(:[0-9]{1,5})?)\Z",
        max_length=255,
        help_text=_("Host or host:port of the server, or the path of its socket."),
    )
    redisdbid = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=10_000,
        help_text=_(
            "Index of the database, one more for each further tenant of a run. It is "
            "stored for stores that heed it: Moodle's own uses the first one."
        ),
    )
    redisprefix = forms.RegexField(
        r"\A[a-zA-Z0-9_-]+\Z",
        required=False,
        max_length=40,
        help_text=_(
            "Begins the key prefix, which goes on with the short name of the tenant."
        ),
    )
    redispwd = forms.CharField(
        required=False,
        max_length=255,
        widget=forms.PasswordInput,
        help_text=_("Password of the server."),
    )
    activate = forms.BooleanField(
        required=False,
        help_text=_("Keep application and session caches there from now on."),
    )

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        given = self.cleaned_data
        configuration = {
            "server": given["redishost"],
            "prefix": f"{given['redisprefix']}{tenant.shortname}_",
            "password": given["redispwd"],
        }
        if given["redisdbid"] is not None:
            configuration["dbid"] = given["redisdbid"] + self._place(tenant)
        return {
            "name": given["redisname"],
            "configuration": configuration,
            "activate": given["activate"],
        }

    def _place(self, tenant: Tenant) -> int:
        """Return how many tenants of the run come before this one."""
        before = Job.objects.filter(run__jobs=self.job or 0, tenant__lt=tenant.pk)
        return before.count()
