"""What it asks of Moodle; tests/moodle/test_generic.py proves it on a real one."""

import re

import pytest
from hypothesis import given, strategies

from commands.generic.set_plugin_config import SetPluginConfig


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
