"""What it asks of Moodle; tests/moodle/test_generic.py proves it on a real one."""

import re

import pytest
from hypothesis import given, strategies

from commands.generic.set_plugin_config import SetPluginConfig
from commands.models import Run
from commands.shell.equivalent import shell_line
from commands.shell.plan import parameters


@pytest.mark.parametrize(
    ("key", "plugin", "name"),
    [
        ("quiz/timelimit", "quiz", "timelimit"),
        ("auth_ldap/host_url", "auth_ldap", "host_url"),
        ("auth/ldap/host_url", "auth_ldap", "host_url"),
    ],
)
def test_the_last_part_is_the_name(key: str, plugin: str, name: str):
    form = SetPluginConfig({"pkey": key, "pvalue": "1"})

    assert form.is_valid()
    assert form.payload(None) == {"settings": {plugin: {name: "1"}}}


@pytest.mark.parametrize(
    "key",
    [
        *("", "quiz", "/timelimit", "quiz/", "quiz//x", "a/b/c/d", "../x/y", "a b/c"),
        *("quiz/a;rm", "quiz/a\x00", f"{'x' * 101}/a", f"a/{'x' * 101}"),
    ],
)
def test_what_names_no_plugin_s_setting_is_refused(key: str):
    form = SetPluginConfig({"pkey": key, "pvalue": "1"})

    assert not form.is_valid()
    assert set(form.errors) == {"pkey"}


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("quiz/version", "version tells which code the database fits"),
        ("mod_lti/privatekey", "privatekey tells this one site from others"),
        ("core/theme", "theme is no plugin's: set it by generic/SetConfig"),
    ],
)
def test_a_setting_of_the_site_alone_is_refused(key: str, sentence: str):
    form = SetPluginConfig({"pkey": key, "pvalue": "1"})

    assert not form.is_valid()
    assert form.errors["pkey"][0].startswith(sentence)


@given(strategies.text(alphabet="ab_/.;'\x00 é1"), strategies.text())
def test_whatever_the_key_it_is_plain_or_refused(key: str, value: str):
    form = SetPluginConfig({"pkey": key, "pvalue": value})

    if form.is_valid():
        assert re.fullmatch(r"\w+(/\w+){1,2}", key.strip(), re.ASCII)
    else:
        assert set(form.errors) <= {"pkey", "pvalue"}


def test_the_value_of_a_secret_setting_is_shown_and_kept_nowhere(db):
    form = SetPluginConfig({"pkey": "auth_ldap/bind_pw", "pvalue": "hunter2"})
    assert form.is_valid(), form.errors

    run = Run(command=SetPluginConfig.name(), attributes=form.attributes())
    run.secrets = form.secrets()

    assert "hunter2" not in run.attributes
    assert parameters(run) == {"pkey": "auth_ldap/bind_pw", "pvalue": "***"}
    assert "hunter2" not in shell_line(run, ["https://a.org"])
    assert run.form().cleaned_data["pvalue"] == "hunter2"


def test_a_secret_setting_is_emptied_on_purpose_only():
    forgotten = SetPluginConfig({"pkey": "auth_ldap/bind_pw"})
    emptied = SetPluginConfig({"pkey": "auth_ldap/bind_pw", "empty": "1"})
    both = SetPluginConfig({"pkey": "auth_ldap/bind_pw", "pvalue": "x", "empty": "1"})

    assert "is secret by its name: give its value" in str(forgotten.errors)
    assert emptied.is_valid()
    assert emptied.cleaned_data["pvalue"] == ""
    assert "Give a value or empty, not both" in str(both.errors)
