import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.selection import Selection, SelectionError, pattern

A, B, C = (f"https://{name}.example.org" for name in "abc")


@pytest.mark.parametrize(
    ("text", "root", "fits"),
    [
        ("*", A, True),
        ("*.example.org", A, True),
        ("*.EXAMPLE.org", A, True),
        ("example.org", A, False),
        ("a.example.or", A, False),
        ("a?.example.org", A, True),
        ("a?.example.org", "https://ab.example.org", True),
        ("a?.example.org", "https://abc.example.org", False),
        ("https://a.*", A, True),
        ("http://a.*", A, False),
        ("a.example.org", "http://a.example.org", True),
        ("axexample.org", A, False),
        ("*/moodle1", "https://x.org/moodle1", True),
        ("*:8080", "http://x.org:8080", True),
    ],
)
def test_a_pattern_is_anchored_and_ignores_case(text, root, fits):
    assert bool(pattern(text).fullmatch(root)) is fits


@pytest.mark.timeout(10)
@pytest.mark.parametrize("wild", ["*", "?", "*?", "?*"])
def test_many_wildcards_do_not_take_for_ever(wild):
    root = f"https://{'a' * 60}.example.org"

    assert not pattern(f"{wild * 50}x").fullmatch(root)


@pytest.mark.parametrize("text", ["", "a b", "a;b", "(a)", "a|b", "a'"])
def test_what_is_no_pattern_is_refused(text):
    with pytest.raises(SelectionError, match="is not a pattern"):
        pattern(text)


@given(st.from_regex(re.compile(r"[a-z0-9.*?-]{1,20}", re.ASCII), fullmatch=True))
def test_a_pattern_means_what_a_plain_matcher_says(text):
    root = "ab.example.org"

    def plain(rest: str, at: str) -> bool:
        if not rest:
            return not at
        if rest[0] == "*":
            return any(plain(rest[1:], at[i:]) for i in range(len(at) + 1))
        if rest[0] == "?":
            return plain(rest[1:], at) or bool(at) and plain(rest[1:], at[1:])
        return bool(at) and rest[0] == at[0] and plain(rest[1:], at[1:])

    if text.count("*") + text.count("?") < 6:
        found = bool(pattern(text).fullmatch(f"https://{root}"))
        assert found is plain(text, root)


@pytest.fixture
def fleet(rows):
    """Make a, b, the main tenant c, and d, which is disabled."""
    tenants = rows(4)
    for tenant, name in zip(tenants, "abcd", strict=True):
        tenant.wwwroot = f"https://{name}.example.org"
        tenant.key, tenant.shortname = f"{name}.example.org", name
        tenant.is_main, tenant.enabled = name == "c", name != "d"
    type(tenants[0]).objects.bulk_update(
        tenants, ["wwwroot", "key", "shortname", "is_main", "enabled"]
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, "ab"),
        ({"hosts": ["*"]}, "ab"),
        ({"with_master": True}, "abc"),
        ({"hosts": [A, "HTTPS://D.example.org/"]}, "ad"),
        ({"hosts": [C]}, "c"),
        ({"hosts": [A, A]}, "a"),
        ({"matches": ["a.*", "b.*"]}, "ab"),
        ({"matches": ["*"], "exclude": ["a.*"]}, "b"),
        ({"hosts": [A, B], "matches": ["b*"]}, "b"),
        ({"include_disabled": True}, "abd"),
    ],
)
def test_a_selection_means_these_tenants(fleet, asked, names):
    chosen = Selection(**asked).resolve()

    assert "".join(tenant.shortname for tenant in chosen) == names


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"hosts": ["https://z.example.org"]}, "No such tenant: https://z"),
        ({"matches": ["z*"]}, "nothing was done"),
        ({"exclude": ["*"]}, "nothing was done"),
        ({"matches": ["a b"]}, "is not a pattern"),
    ],
)
def test_a_selection_that_cannot_be_meant_is_refused(fleet, asked, said):
    with pytest.raises(SelectionError, match=re.escape(said)):
        Selection(**asked).resolve()
