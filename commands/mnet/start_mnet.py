from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import NothingToDo, Steps, register
from commands.mnet.node import MnetCommand, day
from mnet.sites import ON
from tenants.models import Tenant


@register
class StartMnet(MnetCommand):
    """Switch MNet on, with keys.

    Makes a key pair when the site has none, or one that has expired or names another
    address. The former pair goes to Moodle's history, and all tenants that know the
    site get its new certificate in the same transaction. Then the site is asked whether
    the PHP that serves it opens RC4; if not, it is told what mends that.

    Example of attributes: newkey=1
    """

    letters = {"newkey": "n"}

    newkey = forms.BooleanField(
        required=False, help_text=_("Make new keys even if the site's serve still.")
    )

    def run(self, tenant: Tenant) -> Steps:
        site = self.site(tenant)
        why = site.trouble_with_keys
        if site.on and not why and not self.cleaned_data["newkey"]:
            raise NothingToDo(f"MNet is on; its keys serve until {day(site.expires)}")
        renewal = None
        if why or self.cleaned_data["newkey"]:
            yield why or None
            renewal = yield from self.renew(site)
        changed = yield from self.switch(tenant, mode=ON)
        web = yield from self.web(tenant)
        return {"keys": renewal, "changed": changed, **web}
