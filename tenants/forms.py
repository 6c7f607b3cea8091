"""The form of a new tenant: the screen, the shell and a line of a CSV file fill it in.

All is checked before anything is made.
"""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from tenants import moodledb
from tenants.backup import content, snapshots
from tenants.errors import VMoodleError
from tenants.lifecycle import databases
from tenants.lifecycle.provision import (
    CLONE,
    INSTALL,
    ORIGINS,
    REGISTER,
    TEMPLATE,
    Plan,
)
from tenants.models import DatabaseServer, Release, Snapshot, Tenant
from tenants.serving.adopt import is_adopted
from tenants.web import resolves
from tenants.wwwroot import clean_wwwroot

Config = dict[str, dict[str, str]]
Problems = list[tuple[str | None, str]]  # (field, sentence)
WHICH = {
    TEMPLATE: _("Say which template to make it from"),
    CLONE: _("Say which clone to make it from"),
}


def find_template(text: str) -> Snapshot | None:
    """Return the snapshot of a name, or the newest template of a site's address."""
    if found := Snapshot.objects.filter(name=text).first():
        return found
    plain = "".join("_" if c in ":.-/\\" else c for c in text)
    for template in Snapshot.objects.filter(is_template=True, half_way=False):
        host = template.wwwroot.partition("://")[2]
        # The PHP system names a template so: school_example_org.
        names = {
            template.wwwroot,
            host,
            "".join("_" if c in ":.-/" else c for c in host),
        }
        if {text, plain} & names:
            return template
    return None


class TemplateField(forms.CharField):
    """A snapshot, named by itself or by the site it is of; the value is a Snapshot."""

    def clean(self, value: Any) -> Snapshot | None:
        text = super().clean(value)
        if not text:
            return None
        if found := find_template(text):
            return found
        known = Snapshot.objects.filter(is_template=True).values_list("name", flat=True)
        raise ValidationError(
            _("There is no template %(name)s (known: %(known)s)"),
            params={"name": text, "known": ", ".join(known) or _("none")},
        )


class ServerForm(forms.ModelForm):
    """A database server, as the shell enters it; what is left out has a default."""

    class Meta:
        model = DatabaseServer
        fields = [
            "name",
            "socket",
            "host",
            "port",
            "admin_user",
            "admin_password",
            "accounts_from",
            "job_limit",
        ]
        widgets = {"admin_password": forms.PasswordInput}
        help_texts = {"admin_password": _("Password of that account.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.required = name in ("name", "admin_user")

    @classmethod
    def secret_names(cls) -> list[str]:
        """Return the fields that are never shown."""
        return ["admin_password"]


class NewTenantForm(forms.ModelForm):
    """Make a tenant.

    From a template, as a copy of another tenant, by Moodle's own installer, or of a
    site that is there already. What is left empty is chosen: the release that fits, the
    main tenant's database server, names and paths by the short name, a password.
    """

    origin = forms.ChoiceField(
        required=False,
        choices=[("", _("By what is given below")), *((o, o) for o in ORIGINS)],
        help_text=_("template, clone, install or register (a site that is there)."),
    )
    template = TemplateField(
        required=False,
        help_text=_("The snapshot it is made from; or the address of its site."),
    )
    source = forms.ModelChoiceField(
        Tenant.objects.living(),
        to_field_name="wwwroot",
        required=False,
        help_text=_("wwwroot of the tenant it shall be a copy of."),
        error_messages={"invalid_choice": _("There is no tenant %(value)s.")},
    )
    anonymise = forms.BooleanField(
        required=False, help_text=_("Of a copy: make its people unknown.")
    )
    mail_off = forms.BooleanField(
        required=False, help_text=_("It sends no mail to anybody: for a staging copy.")
    )
    admin_email = forms.EmailField(
        required=False, help_text=_("E-mail address of its administrator.")
    )
    admin_password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Password of its administrator; empty: as on the main tenant."),
    )
    force_dns = forms.BooleanField(
        required=False, help_text=_("Even if its host name does not resolve.")
    )
    disabled = forms.BooleanField(
        required=False, help_text=_("Leave it disabled: it answers 503.")
    )
    check_login = forms.BooleanField(
        required=False,
        help_text=_("Undo all unless its login page answers; else that is a warning."),
    )

    class Meta:
        model = Tenant
        fields = [
            "wwwroot",
            "name",
            "shortname",
            "description",
            "release",
            "server",
            "db_type",
            "db_name",
            "db_user",
            "db_password",
            "db_prefix",
            "db_persist",
            "data_path",
            "network",
            "is_main",
            "tags",
            "forced_settings",
        ]
        widgets = {
            "db_password": forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            "description": forms.Textarea(attrs={"rows": 2}),
            "forced_settings": forms.Textarea(attrs={"rows": 2}),
        }
        error_messages = {
            "wwwroot": {"unique": _("Another tenant has this address.")},
            "shortname": {"unique": _("Another tenant has this short name.")},
            "data_path": {"unique": _("Another tenant has this data path.")},
            "server": {"invalid_choice": _("There is no server %(value)s.")},
            "release": {"invalid_choice": _("There is no release %(value)s.")},
        }

    GIVEN = ("wwwroot", "name", "shortname")  # the others have defaults
    force_option: Any = "--force-dns"  # as it is called where the form is filled in

    def __init__(
        self,
        *args: Any,
        config: Config | None = None,
        proved: set[int] | None = None,
        **kwargs: Any,
    ) -> None:
        """`proved`: pks of the templates whose dumps need no other check."""
        super().__init__(*args, **kwargs)
        self.config: Config = config or {}
        self.proved = set() if proved is None else proved
        for name, field in self.fields.items():
            field.required = name in self.GIVEN
        for name in ("release", "server", "tags"):
            self.fields[name].to_field_name = "name"  # type: ignore[attr-defined]

    @classmethod
    def secret_names(cls) -> list[str]:
        """Return the fields that are never shown."""
        return ["db_password", "admin_password"]

    def clean_wwwroot(self) -> str:
        return clean_wwwroot(self.cleaned_data["wwwroot"])

    def clean_shortname(self) -> str:
        """Refuse a taken one here, to be told along with all else that is wrong."""
        given: str = self.cleaned_data["shortname"]
        if Tenant.objects.filter(shortname=given).exclude(pk=self.instance.pk).exists():
            raise ValidationError(self.fields["shortname"].error_messages["unique"])
        return given

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            self._choose_origin(given)
            self._choose_release(given)
            self._choose_names(given)
        return given

    def _choose_origin(self, given: dict[str, Any]) -> None:
        by_field = {TEMPLATE: given["template"], CLONE: given["source"]}
        asked = given["origin"] or next((o for o, v in by_field.items() if v), "")
        wrong = [o for o, value in by_field.items() if value and o != asked]
        if not asked or wrong:
            raise ValidationError(
                _(
                    "Say what to make it from: a template, or a source to copy, or the"
                    " origin install or register"
                )
            )
        if asked in by_field and not by_field[asked]:
            raise ValidationError(WHICH[asked])
        if given["anonymise"] and asked != CLONE and asked != TEMPLATE:
            raise ValidationError(_("Only a copy can be made anonymous"))
        if given["check_login"] and given["disabled"]:
            raise ValidationError(_("A disabled site shows no login page to check"))
        if asked == INSTALL and not given["admin_email"]:
            raise ValidationError({"admin_email": _("The installer needs an address")})
        given["origin"] = asked

    def _choose_release(self, given: dict[str, Any]) -> None:
        """Take the release that fits what is copied; refuse another one."""
        source, template, release = given["source"], given["template"], given["release"]
        version = template.version if template else ""
        if source:
            version = source.release.version
            release = release or source.release
        known = list(Release.objects.all())
        fitting = [one for one in known if same_version(one.version, version)]
        release = release or next(iter(fitting if version else known), None)
        if release is None:
            missing = _("There is no release %(version)s: add one first")
            if not version:
                missing = _("There is no release: add one first")
            raise ValidationError({"release": missing % {"version": version}})
        if version and release not in fitting:
            unfit = _(
                "What is copied is of Moodle %(version)s, and the release %(name)s is"
                " %(code)s: choose one that fits, and upgrade afterwards"
            )
            code = {"version": version, "name": release, "code": release.version}
            raise ValidationError({"release": unfit % code})
        given["release"] = release

    def _choose_names(self, given: dict[str, Any]) -> None:
        short = given["shortname"]
        if given["origin"] == REGISTER and not (given["db_user"] and given["db_name"]):
            raise ValidationError(
                _("To register a site that is there, tell its database and its account")
            )
        main = Tenant.objects.with_edges().filter(is_main=True).first()
        given["server"] = given["server"] or (
            main.server if main else DatabaseServer.objects.first()
        )
        if given["server"] is None:
            raise ValidationError({"server": _("There is no database server: add one")})
        given["db_type"] = given["db_type"] or "mariadb"
        given["db_prefix"] = given["db_prefix"] or "mdl_"
        given["db_name"] = given["db_name"] or f"moodle_{short}".lower()
        given["db_user"] = given["db_user"] or f"vm_{short}"[:32].lower()
        self.own_password = bool(given["db_password"])
        given["db_password"] = given["db_password"] or secrets.token_urlsafe(24)
        path = settings.VMOODLE_DATA_ROOT / short
        given["data_path"] = given["data_path"] or str(path)
        given["network"] = given["network"] or 0
        forced = given["forced_settings"] or {}
        if given["mail_off"]:
            forced = {**forced, "noemailever": True}
        given["forced_settings"] = forced

    def _post_clean(self) -> None:
        if self.errors:
            return  # what is to be chosen by them is not there
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            for name, sentence in self._problems():
                self.add_error(name, sentence)

    def _problems(self) -> Problems:
        """Return what stands in the way outside of the registry."""
        tenant: Tenant = self.instance
        found: Problems = []
        origin = self.cleaned_data["origin"]
        host = urlsplit(tenant.wwwroot).hostname or ""
        if not self.cleaned_data["force_dns"] and not resolves(host):
            away = _("%(host)s does not resolve: set it up, or use '%(force)s'")
            given = {"host": host, "force": self.force_option}
            found.append(("wwwroot", away % given))
        source, template = self.cleaned_data["source"], self.cleaned_data["template"]
        if source and source.is_half_upgraded:
            half = _("%(source)s is half upgraded: upgrade it first")
            found.append(("source", half % {"source": source}))
        if template and template.half_way:
            half = _("%(template)s is of a half upgraded site")
            found.append(("template", half % {"template": template}))
        if not is_adopted(tenant.release):
            idle = _("%(name)s does not serve tenants: run adopt_release %(name)s")
            found.append(("release", idle % {"name": tenant.release}))
        try:
            found += self._database_problems(tenant, new=origin != REGISTER)
            if origin == TEMPLATE:
                self._prove(template)
            if origin != REGISTER and content.is_used(Path(tenant.data_path)):
                used = _("%(path)s is not empty") % {"path": tenant.data_path}
                found.append(("data_path", used))
        except VMoodleError as error:
            found.append((None, str(error)))
        return found

    def _prove(self, template: Snapshot) -> None:
        if template.pk not in self.proved:
            snapshots.check(template)
            self.proved.add(template.pk)

    def _database_problems(self, tenant: Tenant, *, new: bool) -> Problems:
        server, name, user = tenant.server, tenant.db_name, tenant.db_user
        moodledb.wait_until_up(server, 0)
        there, names = databases.exists(server, name), {"server": server, "name": name}
        if not new:
            lost = _("%(server)s has no database %(name)s")
            return [] if there else [("db_name", lost % names)]
        found: Problems = []
        if missing := databases.missing_rights(server):
            weak = _("its account %(user)s lacks %(rights)s")
            rights = {"user": server.admin_user, "rights": ", ".join(missing)}
            found.append(("server", weak % rights))
        if there:
            taken = _("%(server)s has a database %(name)s already")
            found.append(("db_name", taken % names))
        self.has_account = databases.has_account(server, user)
        if self.has_account and not self.own_password:
            known = _("%(server)s has an account %(user)s: give its password too")
            found.append(("db_user", known % {"server": server, "user": user}))
        return found

    def plan(self) -> Plan:
        """Return how to make it, once the form is valid."""
        given = self.cleaned_data
        template, source = given["template"], given["source"]
        return Plan(
            origin=given["origin"],
            snapshot=template.pk if template else None,
            source=source.pk if source else None,
            make_account=given["origin"] != REGISTER and not self.has_account,
            enabled=not given["disabled"],
            anonymise=given["anonymise"],
            check_login=given["check_login"],
            admin_email=given["admin_email"],
            admin_password=given["admin_password"],
            config=self.config,
        )


def same_version(one: str, other: str) -> bool:
    """Whether they are equal; 2023100900.00 is stored as PHP prints a number."""
    return bool(one and other) and float(one) == float(other)


def next_network() -> int:
    """Return a number that no sub-network has yet."""
    highest = Tenant.objects.aggregate(n=Max("network"))["n"] or 0
    return max(int(highest), 0) + 1
