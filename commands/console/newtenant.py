"""The page of a new tenant: all is checked before anything is made."""

import shlex
from typing import Any

from django import forms
from django.contrib.auth.decorators import permission_required
from django.db.models import Q
from django.forms.boundfield import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from commands.base import REFUSED
from commands.console.views import page
from commands.models import Run
from tenants.forms import NewTenantForm
from tenants.lifecycle.provision import CLONE, INSTALL, REGISTER, TEMPLATE, reserve
from tenants.models import Snapshot, Tenant

ORIGINS = {
    TEMPLATE: _("From a template"),
    CLONE: _("As a copy of a tenant"),
    INSTALL: _("By Moodle's installer"),
    REGISTER: _("A site that is there already"),
}
MADE = (TEMPLATE, CLONE, INSTALL)
# For what origins a field is; the others are for all.
MEANT_FOR = {
    "template": (TEMPLATE,),
    "source": (CLONE,),
    "anonymise": (TEMPLATE, CLONE),
    "admin_email": MADE,
    "admin_password": MADE,
}
GROUPS = (
    (
        _("What it is made from"),
        "",
        (
            *("origin", "template", "source", "anonymise"),
            *("admin_email", "admin_password"),
        ),
    ),
    (
        _("The site"),
        "",
        (
            *("wwwroot", "name", "shortname", "description", "tags", "network"),
            "is_main",
        ),
    ),
    (
        _("Where it runs"),
        _("What is left empty is chosen: a release that fits, the data root."),
        ("release", "data_path", "disabled", "mail_off", "force_dns", "check_login"),
    ),
    (
        _("Database"),
        _("Left empty: by the short name, with an account and a password of its own."),
        ("server", "db_name", "db_user", "db_password", "db_prefix"),
    ),
)
LABELS: dict[str, Any] = {
    "wwwroot": _("Address"),
    "name": _("Full name"),
    "shortname": _("Short name"),
    "template": _("Template"),
    "source": _("Copy of"),
    "admin_email": _("Administrator's e-mail"),
    "admin_password": _("Administrator's password"),
    "anonymise": _("Make its people unknown"),
    "mail_off": _("No mail to anybody"),
    "force_dns": _("Even if its host name does not resolve"),
    "disabled": _("Leave it disabled"),
    "check_login": _("Undo it unless its login page answers"),
    "data_path": _("Data directory"),
    "server": _("Database server"),
    "db_name": _("Database"),
    "db_user": _("Account"),
    "db_password": _("Password of the account"),
    "db_prefix": _("Prefix of the tables"),
}

HELP: dict[str, Any] = {
    "name": "",
    "shortname": _("Names its database, account and directory, logs and cookie."),
    "disabled": _("It answers 503 until you enable it."),
    "mail_off": _("For a staging copy."),
    "check_login": _("Else that is a warning in the result."),
    "force_dns": "",
    "anonymise": _("Names, addresses and passwords, but for administrators."),
    "admin_email": _("Needed by the installer; else it stays as it is."),
    "admin_password": _("Empty: as on the main tenant."),
    "data_path": _("Its own moodledata; empty: by the short name."),
    "release": _("The code tree it runs on; empty: one that fits what is copied."),
    "wwwroot": _("https://host[:port][/sub-path], as people will type it."),
}


class MeantField(BoundField):
    """A field that the page shows for some origins only, by its style sheet."""

    def css_classes(self, extra_classes: Any = None) -> str:
        meant = [f"for-{origin}" for origin in MEANT_FOR.get(self.name, ())]
        return super().css_classes(["meant", *meant] if meant else extra_classes)


class NewTenantPageForm(NewTenantForm):
    """The form of the shell, with lists to choose from."""

    force_option = LABELS["force_dns"]
    bound_field_class = MeantField
    required_css_class = "required"

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        if data is not None:
            data = data.copy()
            for name, origins in MEANT_FOR.items():
                if data.get("origin") not in origins:
                    data.pop(name, None)  # the page did not show it
        super().__init__(data, **kwargs)
        for name, label in LABELS.items():
            self.fields[name].label = label
        for name, text in HELP.items():
            self.fields[name].help_text = text
        self.fields["origin"] = forms.ChoiceField(
            label=_("Origin"), choices=ORIGINS.items(), widget=forms.RadioSelect
        )
        if Tenant.objects.filter(is_main=True).exists():
            del self.fields["is_main"]
        if not self.fields["tags"].queryset.exists():  # type: ignore[attr-defined]
            del self.fields["tags"]
        asked = str(self.initial.get("template", ""))
        self.fields["template"].widget = forms.Select(choices=templates(asked))
        self.fields["template"].help_text = _(
            "A snapshot that is marked as a template; its people and courses as well."
        )

    def groups(self) -> list[tuple[Any, Any, list[BoundField]]]:
        return [
            (title, hint, [self[name] for name in names if name in self.fields])
            for title, hint, names in GROUPS
        ]

    def plan_lines(self) -> list[tuple[Any, Any]]:
        """Return what would be made, once the form is valid."""
        tenant, given = self.instance, self.cleaned_data
        return [
            (
                ORIGINS[given["origin"]],
                given["template"] or given["source"] or "",
            ),
            (_("Address"), tenant.wwwroot),
            (_("Release"), tenant.release),
            (_("Database"), f"{tenant.db_name} · {tenant.server}"),
            (_("Account"), tenant.db_user),
            (_("Data directory"), tenant.data_path),
        ]

    def shell(self) -> str:
        """Return the line to type, without passwords."""
        words = ["manage.py", "createnode", f"--host={self.cleaned_data['wwwroot']}"]
        for name, field in self.fields.items():
            text, option = self.data.get(name), f"--{name.replace('_', '-')}"
            if not text or name == "wwwroot":
                continue
            if name in self.secret_names():
                words.append(f"{option}-file=FILE")
            elif isinstance(field, forms.BooleanField):
                words.append(option)
            elif name != "tags" and self[name].value() != field.initial:
                words.append(f"{option}={text}")
        return shlex.join(words)


def templates(asked: str) -> list[tuple[str, str]]:
    """Return the choices: the templates, and the snapshot that was asked for."""
    found = Snapshot.objects.filter(Q(is_template=True) | Q(name=asked))
    return [
        ("", "---------"),
        *((one.name, f"{one.wwwroot} · {one.created_at:%F %H:%M}") for one in found),
    ]


@permission_required(["tenants.add_tenant", "commands.operate"], raise_exception=True)
def new_tenant(request: HttpRequest) -> HttpResponse:
    """Ask what to make; check it all; make it, watched on the page of its run."""
    form = (
        NewTenantPageForm(request.POST, initial=asked_for(request))
        if request.method == "POST"
        else NewTenantPageForm(initial=asked_for(request))
    )
    right = request.method == "POST" and form.is_valid()
    if right and "check" not in request.POST:
        try:
            run = start(form, request.user.get_username())
        except REFUSED as error:
            form.add_error(None, " ".join(error.messages))
            right = False
        else:
            return redirect("admin:commands_run_view", run.pk)
    return page(
        request,
        "new_tenant",
        gettext("New tenant"),
        form=form,
        right=right,
        back=reverse("admin:tenants_tenant_changelist"),
    )


def asked_for(request: HttpRequest) -> dict[str, Any]:
    """Return what the link to the page, or else the fleet, suggests."""
    found: dict[str, Any] = {"network": 0, "db_prefix": "mdl_"}
    if name := request.GET.get("template"):
        return found | {"origin": TEMPLATE, "template": name}
    if wwwroot := request.GET.get("source"):
        return found | {"origin": CLONE, "source": wwwroot}
    known = Snapshot.objects.filter(is_template=True, half_way=False).first()
    if known:
        return found | {"origin": TEMPLATE, "template": known.name}
    return found | {"origin": INSTALL}


def start(form: NewTenantForm, actor: str) -> Run:
    """Enter the tenant of a valid form in the registry, and start what makes it."""
    tenant: Tenant = reserve(form.save(commit=False), form.plan())
    form.save_m2m()
    run = Run.objects.create(
        command="lifecycle/Create", targets=[tenant.pk], actor=actor, parallel=1
    )
    try:
        run.start()
    except REFUSED:
        run.delete()
        tenant.delete()  # only its row is there so far
        raise
    return run
