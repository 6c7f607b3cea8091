import doctest

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, strategies

from tenants import wwwroot
from tenants.wwwroot import clean_wwwroot, site_key


def test_the_examples_are_true():
    assert doctest.testmod(wwwroot) == (0, 2)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://a.example.org", "https://a.example.org"),
        (" HTTPS://A.Example.ORG/ ", "https://a.example.org"),
        ("https://a.example.org:443", "https://a.example.org"),
        ("http://a.example.org:80/", "http://a.example.org"),
        ("https://a.example.org:80", "https://a.example.org:80"),
        ("https://a.example.org:8443/One/", "https://a.example.org:8443/one"),
        ("http://localhost:8100", "http://localhost:8100"),
        ("http://10.0.0.1", "http://10.0.0.1"),
        ("https://école.example.org", "https://xn--cole-9oa.example.org"),
        ("https://my_school.example.org", "https://my_school.example.org"),
    ],
)
def test_a_wwwroot_is_stored_in_one_spelling(text: str, clean: str):
    assert clean_wwwroot(text) == clean
    assert clean_wwwroot(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example.org",
        "ftp://a.example.org",
        "https://",
        "https:///one",
        "https://user@a.example.org",
        "https://user:password@a.example.org",
        "https://@a.example.org",
        "https://a.example.org?x=1",
        "https://a.example.org/?",
        "https://a.example.org#",
        "https://a.example.org/one/two",
        "https://a.example.org/../etc",
        "https://a.example.org/%2e%2e",
        "https://a.example.org/.git",
        "https://a.example.org/one two",
        "https://a..example.org",
        "https://.example.org",
        "https://-a.example.org",
        "https://a-.example.org",
        "https://a+8443.example.org",
        "https://a~one.example.org",
        "https://a@b~c",
        "https://" + "a" * 64 + ".org",
        "https://" + "a." * 130 + "org",
        "https://a.example.org:0x50",
        "https://a.example.org:99999",
        "https://[::1]",
        "https://a\0.example.org",
        "https://a/b\\c",
    ],
    ids=lambda text: repr(text[:40]),
)
def test_what_is_no_wwwroot_is_refused(text: str):
    with pytest.raises(ValidationError):
        clean_wwwroot(text)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://a.example.org", "a.example.org"),
        ("http://a.example.org:8100", "a.example.org+8100"),
        ("https://a.example.org/one", "a.example.org~one"),
        ("https://a.example.org:8443/one", "a.example.org+8443~one"),
    ],
)
def test_the_key_names_host_port_and_sub_path(url: str, key: str):
    assert site_key(url) == key


@given(strategies.text(alphabet="aA./:@~+-_%\\\0 1é", max_size=20))
def test_a_key_is_a_file_name(text: str):
    try:
        root = clean_wwwroot(f"https://{text}")
    except ValidationError:
        return

    key = site_key(root)

    assert "/" not in key
    assert key.isascii()
    assert key.isprintable()
    assert key[0] not in ".@+~-"


@pytest.mark.parametrize("name", ["straße", "λόγος", "a\u200db"])
def test_a_name_that_browsers_write_otherwise_is_refused(name: str):
    with pytest.raises(ValidationError, match="give its xn-- form"):
        clean_wwwroot(f"https://{name}.example.org")
