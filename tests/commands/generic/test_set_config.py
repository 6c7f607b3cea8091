"""What it asks of Moodle; tests/moodle/test_generic.py proves it on a real one."""

import pytest

from commands.generic.set_config import SetConfig


@pytest.mark.parametrize("key", ["", "a b", "a;b", "../a", "a\x00", "é", "x" * 256])
def test_a_name_that_no_setting_has_is_refused(key: str):
    form = SetConfig({"key": key, "value": "1"})

    assert not form.is_valid()
    assert set(form.errors) == {"key"}


@pytest.mark.parametrize("value", ["", " two  spaces ", "a\nb", "'; DROP TABLE x", "é"])
def test_a_value_is_handed_on_as_it_is(value: str):
    form = SetConfig({"key": "sitename", "value": value})

    assert form.is_valid()
    assert form.payload(None) == {"plugin": "", "values": {"sitename": value}}
