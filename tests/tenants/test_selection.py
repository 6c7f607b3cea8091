import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenants.models import Release, Tag, Tenant
from tenants.selection import Selection, SelectionError, pattern, tenant_at

A, B, C, D = (f"https://{name}.example.org" for name in "abcd")


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


@pytest.mark.parametrize(
    "text", ["", "a b", "a;b", "(a)", "a|b", "a'", "a[12]*", "a~b*", "é*"]
)
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
def fleet(rows) -> list[Tenant]:
    """Make a, b, the main tenant c, and d, which is disabled.

    a and d are in network 1; a and b have the tag `x`, b and c the tag `y`; b is
    on another release.
    """
    tenants = rows(4)
    other = Release.objects.create(name="4.5", path="/4.5", version="1", release="4.5")
    for tenant, name in zip(tenants, "abcd", strict=True):
        tenant.wwwroot = f"https://{name}.example.org"
        tenant.key, tenant.shortname = f"{name}.example.org", name
        tenant.is_main, tenant.enabled = name == "c", name != "d"
        tenant.network = int(name in "ad")
        if name == "b":
            tenant.release = other
    fields = ["wwwroot", "key", "shortname", "is_main", "enabled", "network", "release"]
    Tenant.objects.bulk_update(tenants, fields)
    for tag, names in (("x", "ab"), ("y", "bc")):
        made = Tag.objects.create(name=tag)
        made.tenant_set.set(Tenant.objects.filter(shortname__in=names))
    return tenants


def chosen(*steps: tuple[str, list], **kwargs) -> str:
    found = Selection(steps, **kwargs).resolve()
    return "".join(tenant.shortname for tenant in found)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("steps", "names"),
    [
        ([], "ab"),
        ([("tohosts", ["*"])], "ab"),
        ([("tohosts", [A, "HTTPS://D.example.org/"])], "ad"),
        ([("tohosts", [C])], "c"),
        ([("tohosts", [B, A, A])], "ab"),
        ([("tohostsmatch", ["a.*", "b.*"])], "ab"),
        ([("tohostsmatch", ["*"])], "ab"),
        ([("tag", ["x"])], "ab"),
        ([("tag", ["x", "y"])], "ab"),
        ([("tag", ["x"]), ("tag", ["y"])], "b"),
        ([("release", ["4.5"])], "b"),
        ([("network", ["1"])], "a"),
        ([("network", ["0", "1"])], "ab"),
        ([("exclude", ["a.*"])], "b"),
        ([("tohosts", [A, B]), ("tohostsmatch", ["b*"])], "b"),
        ([("tag", ["y"]), ("tohosts", [C])], "c"),
        ([("network", ["1"]), ("tohosts", [D])], "d"),
        ([("release", ["4.5"]), ("also", ["a.*", "d.*"])], "ab"),
        ([("also", ["*"])], "ab"),
    ],
    ids=str,
)
def test_a_selection_means_these_tenants(fleet: list[Tenant], steps, names: str):
    assert chosen(*steps) == names


@pytest.mark.django_db
def test_the_main_tenant_is_chosen_with_the_others(fleet: list[Tenant]):
    assert chosen(with_master=True) == "abc"
    assert chosen(("tag", ["y"]), with_master=True) == "bc"


@pytest.mark.django_db
def test_pks_name_tenants(fleet: list[Tenant]):
    pks = [tenant.pk for tenant in fleet]

    assert chosen(("tenants", [pks[3], pks[2], 9999])) == "cd"


@pytest.mark.django_db
def test_steps_are_taken_from_left_to_right(fleet: list[Tenant]):
    away, back = ("exclude", ["*"]), ("also", ["a.*"])

    assert chosen(away, back) == "a"
    with pytest.raises(SelectionError, match="No tenant is selected"):
        chosen(back, away)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["tohostsmatch", "exclude", "also"]),
        st.sampled_from(["*", "a*", "b*", "?.example.org", "?b?*", "a.*"]).map(
            lambda text: [text]
        ),
    ),
    max_size=6,
)


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_steps_mean_what_sets_say(fleet: list[Tenant], steps):
    expected = {"a", "b"}
    for kind, [text] in steps:
        fits = {n for n in "ab" if pattern(text).fullmatch(f"https://{n}.example.org")}
        operation = {"tohostsmatch": "&", "exclude": "-", "also": "|"}[kind]
        expected = {
            "&": expected & fits,
            "-": expected - fits,
            "|": expected | fits,
        }[operation]

    if expected:
        assert chosen(*steps) == "".join(sorted(expected))
    else:
        with pytest.raises(SelectionError, match="No tenant is selected"):
            chosen(*steps)


@pytest.mark.django_db
def test_a_selection_is_made_by_few_queries(
    fleet: list[Tenant], django_assert_max_num_queries
):
    steps = [("tohosts", ["*"]), ("tag", ["x"]), ("release", ["4.5"]), ("also", ["a*"])]

    with django_assert_max_num_queries(5):
        assert chosen(*steps) == "ab"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([("tohosts", ["https://z.example.org"])], "No such tenant: https://z"),
        ([("tohosts", [A, "*"])], "'*' means all tenants: give no others beside it"),
        ([("tohosts", ["*.org"])], "'*.org' is a pattern: give it to --tohostsmatch"),
        ([("tohostsmatch", ["a*", "z*"])], "No tenant fits z*: nothing was done"),
        ([("tohostsmatch", ["z.org"])], "No tenant fits z.org"),
        ([("tohostsmatch", ["a b"])], "is not a pattern"),
        ([("exclude", ["*"])], "nothing was done"),
        ([("exclude", ["example.org"])], "No tenant fits example.org"),
        ([("exclude", ["z*"])], "No tenant fits z*"),
        ([("also", ["z*"])], "No tenant fits z*"),
        ([("tag", ["x", "z"])], "There is no tag z (known: x, y)"),
        ([("release", ["9"])], "There is no release 9 (known: none, 4.5)"),
        ([("network", ["7"])], "There is no network 7 (known: 0, 1)"),
        ([("network", ["one"])], "There is no network one (known: 0, 1)"),
    ],
    ids=str,
)
def test_a_selection_that_cannot_be_meant_is_refused(
    fleet: list[Tenant], steps, said: str
):
    with pytest.raises(SelectionError, match=re.escape(said)):
        chosen(*steps)


@pytest.mark.django_db
def test_a_long_list_of_what_is_known_is_cut(fleet: list[Tenant]):
    Tag.objects.bulk_create(Tag(name=f"a{n:02}") for n in range(30))

    with pytest.raises(SelectionError, match=r"a18, a19, \.\.\.\)$"):
        chosen(("tag", ["z"]))


@pytest.mark.django_db
def test_a_file_names_tenants(fleet: list[Tenant], tmp_path: Path):
    file = tmp_path / "a,b.txt"
    file.write_bytes(
        b"\xef\xbb\xbfhttps://d.example.org\r\n\r\n  # none\n"
        b"HTTPS://A.example.org/ # the first\n"
    )

    assert chosen(("from_file", [str(file)])) == "ad"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", " names no tenant: give one wwwroot a line"),
        (b"# nobody\n\n", " names no tenant: give one wwwroot a line"),
        (
            b"https://z.example.org\nhttps://a.example.org\n\nb.example.org\n",
            ": no such tenants: line 1: https://z.example.org; line 4: b.example.org",
        ),
        (b"\xff\xfe\0", " cannot be read: it is not text"),
        (
            b"x" * 200 + b"\ny" * 25,
            f": no such tenants: line 1: {'x' * 100}; "
            + "; ".join(f"line {n}: y" for n in range(2, 21))
            + " and 6 more",
        ),
    ],
    ids=["empty", "comments", "unknown", "binary", "many"],
)
def test_a_file_that_cannot_be_meant_is_refused(
    fleet: list[Tenant], tmp_path: Path, content: bytes, said: str
):
    file = tmp_path / "hosts"
    file.write_bytes(content)

    with pytest.raises(SelectionError) as refused:
        chosen(("from_file", [str(file)]))

    assert str(refused.value) == f"{file}{said}"


@pytest.mark.django_db
def test_a_file_that_is_none_is_refused(fleet: list[Tenant], tmp_path: Path):
    with pytest.raises(SelectionError, match="cannot be read: Is a directory"):
        chosen(("from_file", [str(tmp_path)]))
    with pytest.raises(SelectionError, match="cannot be read: No such file"):
        chosen(("from_file", [str(tmp_path / "none")]))


@pytest.mark.django_db
def test_one_tenant_is_found_by_its_wwwroot(fleet: list[Tenant]):
    assert tenant_at("HTTPS://D.example.org/").shortname == "d"
    with pytest.raises(SelectionError, match="No such tenant: https://z.example.org"):
        tenant_at("https://z.example.org")
