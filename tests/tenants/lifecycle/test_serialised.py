"""Serialised values stay readable: PHP itself judges."""

import base64
import subprocess

import pytest

from tenants.lifecycle.serialised import changed, is_serialised

VALUES = [
    '"https://old.example.org"',
    "['a' => 'https://old.example.org/x', 'b' => [1, 2.5, null, true]]",
    "['https://old.example.org' => 'é https://old.example.org é']",
    "(object) ['text' => 's:5:\"https://old.example.org\"', 'n' => 's:3:\"']",
    "serialize(['inner' => 'https://old.example.org'])",
]


def php(code: str) -> bytes:
    return subprocess.run(
        ["php", "-n", "-r", code], capture_output=True, check=True
    ).stdout


@pytest.mark.parametrize("value", VALUES)
def test_php_reads_what_was_changed(value: str):
    old, new = "https://old.example.org", "http://much-longer.example.org"
    before = php(f"echo serialize({value});")

    after = changed(before, lambda text: text.replace(old.encode(), new.encode()))

    assert is_serialised(before)
    text = base64.b64encode(after).decode()
    read = php(f"var_export(unserialize(base64_decode('{text}')));")
    meant = php(f"var_export({value});").replace(old.encode(), new.encode())
    if "serialize" not in value:
        assert read == meant


@pytest.mark.parametrize("value", [b"", b"text", b"{}", b"a:1:", b"s:3 words"])
def test_other_values_are_not_taken_for_it(value: bytes):
    assert not is_serialised(value)


def test_what_only_looks_like_it_is_refused():
    with pytest.raises(ValueError, match="not serialised"):
        changed(b'a:1:{i:0;s:3:"abcd";}', lambda text: text)
