"""What it asks of Moodle; tests/moodle/test_generic.py proves it on a real one."""

import re

import pytest
from django.contrib.auth.models import User
from hypothesis import example, given, strategies

from commands.generic.set_config import SetConfig
from commands.models import Run
from commands.shell.equivalent import shell_line
from commands.shell.plan import parameters


@pytest.mark.parametrize("key", ["", "a b", "a;b", "../a", "a\x00", "é", "x" * 256])
def test_a_name_that_no_setting_has_is_refused(key: str):
    form = SetConfig({"key": key, "value": "1"})

    assert not form.is_valid()
    assert set(form.errors) == {"key"}


@given(strategies.text())
def test_whatever_the_name_it_is_plain_or_refused(key: str):
    form = SetConfig({"key": key, "value": "1"})

    if form.is_valid():
        assert re.fullmatch("[a-zA-Z0-9_]{1,255}", form.cleaned_data["key"])
    else:
        assert set(form.errors) == {"key"}


@pytest.mark.parametrize("key", ["version", "siteidentifier", "wwwroot", "dbpass"])
def test_a_setting_of_the_site_alone_is_refused(key: str):
    form = SetConfig({"key": key, "value": "1"})

    assert not form.is_valid()
    assert form.errors["key"][0].startswith(f"{key} ")


@pytest.mark.parametrize("value", ["", " two  spaces ", "a\nb", "'; DROP TABLE x", "é"])
def test_a_value_is_handed_on_as_it_is(value: str):
    form = SetConfig({"key": "sitename", "value": value})

    assert form.is_valid()
    assert form.payload(None) == {"settings": {"": {"sitename": value}}}


@given(strategies.text())
@example("(secret)")  # as a secret is shown
def test_whatever_the_value_it_comes_through_a_querystring(value: str):
    form = SetConfig.from_attributes(
        SetConfig({"key": "a", "value": value}).attributes()
    )

    if form.is_valid():
        assert form.payload(None) == {"settings": {"": {"a": value}}}
    else:
        assert "\x00" in value


def test_a_megabyte_is_a_value():
    form = SetConfig({"key": "a", "value": "x" * 2**20})

    assert form.is_valid()


def test_the_value_of_a_secret_setting_is_shown_and_kept_nowhere(db):
    form = SetConfig({"key": "smtppass", "value": "hunter2"})
    assert form.is_valid(), form.errors

    run = Run(command=SetConfig.name(), attributes=form.attributes())
    run.secrets = form.secrets()

    assert "hunter2" not in run.attributes
    assert parameters(run) == {"key": "smtppass", "value": "***"}
    assert "hunter2" not in shell_line(run, ["https://a.org"])
    assert run.form().cleaned_data["value"] == "hunter2"


def test_a_retry_asks_for_a_secret_value_again(db, client, run_of, rows):
    client.force_login(User.objects.create_superuser("alice"))
    given = {"secrets": "value=hunter2"}
    run = run_of(SetConfig.name(), rows(1), "key=smtppass", **given)
    run.cancel("alice")

    answer = client.post(f"/commands/run/of/run/{run.pk}/retry/", {"which": "all"})

    assert answer["Location"].endswith("/launch/")
    assert Run.objects.get(pk=run.pk).secrets == ""


def test_a_secret_setting_is_emptied_on_purpose_only():
    forgotten = SetConfig({"key": "smtppass"})
    emptied = SetConfig({"key": "smtppass", "empty": "1"})
    both = SetConfig({"key": "smtppass", "value": "x", "empty": "1"})

    assert "is secret by its name: give its value" in str(forgotten.errors)
    assert emptied.is_valid()
    assert emptied.cleaned_data["value"] == ""
    assert "Give a value or empty, not both" in str(both.errors)
