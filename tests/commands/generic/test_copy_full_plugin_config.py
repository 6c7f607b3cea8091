"""What it reads and asks; tests/moodle/test_generic.py proves it on a real Moodle."""

import pytest
from django.utils import translation

from commands.base import CommandFailed
from commands.generic.copy_full_plugin_config import CopyFullPluginConfig
from tenants import moodledb
from tenants.models import Tenant


@pytest.fixture
def settings_of(monkeypatch, rows):
    """Return a function that gives the source, `t0`, and the target these settings."""
    source, target = rows(2)
    Tenant.objects.filter(pk=source.pk).update(is_main=True)
    found: dict[int, dict] = {}
    monkeypatch.setattr(
        moodledb,
        "plugin_settings",
        lambda tenant, plugins: {
            p: v for p, v in found.get(tenant.pk, {}).items() if p in plugins
        },
    )

    def give(of_source: dict, of_target: dict | None = None) -> tuple[Tenant, Tenant]:
        found.update({source.pk: of_source, target.pk: of_target or {}})
        return source, target

    return give


def bound_form(attributes: str) -> CopyFullPluginConfig:
    form = CopyFullPluginConfig.from_attributes(attributes)
    assert form.is_valid(), form.errors
    return form


def asked(form: CopyFullPluginConfig, tenant: Tenant, monkeypatch) -> dict:
    """Return what the agent is asked for."""
    payloads = []

    def ask(tenant, operation, payload):
        payloads.append((operation, payload))
        return {"changed": []}
        yield

    monkeypatch.setattr(form, "ask", ask)
    list(form.run(tenant))
    assert payloads[0][0] == "set_config"
    return payloads[0][1]


def test_an_activity_s_settings_lie_under_two_names(settings_of):
    source, _target = settings_of(
        {"mod_quiz": {"version": "1"}, "quiz": {"timelimit": "0"}, "other": {"a": "1"}}
    )

    read = bound_form("plugin=mod_quiz").read(source)

    assert read["settings"] == {"quiz": {"timelimit": "0"}}
    assert list(read["left_out"]) == ["version"]


def test_an_old_name_means_the_new_one(settings_of):
    source, _target = settings_of({"auth_ldap": {"host_url": "x"}})

    assert bound_form("plugin=auth/ldap").read(source)["settings"] == {
        "auth_ldap": {"host_url": "x"}
    }


def test_what_names_the_source_stays_there(settings_of):
    source, _target = settings_of(
        {
            "auth_x": {
                "help": "see https://t0.example.org/help",
                "dir": "/data/t0",
                "a": "",
            }
        }
    )

    read = bound_form("plugin=auth_x").read(source)

    assert read["settings"] == {"auth_x": {"a": ""}}
    assert read["left_out"]["help"] == "help names https://t0.example.org"


@pytest.mark.parametrize("found", [{}, {"auth_x": {"version": "1"}}])
def test_a_source_without_settings_fails(settings_of, found: dict):
    source, _target = settings_of(found)

    with pytest.raises(CommandFailed, match="t0.example.org has no settings of auth_x"):
        bound_form("plugin=auth_x").read(source)


def test_what_only_the_target_has_stays(settings_of, monkeypatch):
    source, target = settings_of({"auth_x": {"a": "1"}}, {"auth_x": {"b": "2"}})
    form = bound_form("plugin=auth_x")
    form.material = form.read(source)

    assert asked(form, target, monkeypatch)["settings"] == {"auth_x": {"a": "1"}}


def test_it_goes_with_prune_except_what_is_the_target_s_own(settings_of, monkeypatch):
    own = {"b": "2", "version": "9", "roleid": "5", "home": "https://t1.example.org"}
    source, target = settings_of({"auth_x": {"a": "1"}}, {"auth_x": own})
    form = bound_form("plugin=auth_x&prune=1")
    form.material = form.read(source)

    settings = asked(form, target, monkeypatch)["settings"]

    assert settings == {"auth_x": {"a": "1", "b": None}}


@pytest.mark.parametrize(
    "plugin",
    ["", "a b", "a;rm", "../a", "a/../b", "a%00", "é", "x" * 101, "a'", "a/b/c"],
)
def test_what_names_no_plugin_is_refused(settings_of, plugin: str):
    settings_of({})
    form = CopyFullPluginConfig.from_attributes(f"plugin={plugin}")

    assert not form.is_valid()
    assert set(form.errors) == {"plugin"}


def test_what_jobs_print_of_what_is_left_out_is_english(settings_of):
    source, _target = settings_of({"local_x": {"version": "1", "a": "1"}})

    with translation.override("fr"):
        read = bound_form("plugin=local_x").read(source)

    assert read["left_out"]["version"].startswith("version tells which code the")
