import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as some

from commands.cells import CellsField, written

pytestmark = pytest.mark.django_db
FIELD = CellsField(required=False, max_length=2**20)


def test_sites_with_the_same_rows_stand_in_one_line(rows):
    rows(3)
    picked = {
        "https://t0.example.org": {"mod/quiz", "auth/ldap"},
        "https://t1.example.org": {"auth/ldap", "mod/quiz"},
        "https://t2.example.org": {"teacher>student"},
    }

    text = written(picked)

    assert text == (
        "https://t0.example.org,https://t1.example.org auth/ldap,mod/quiz\n"
        "https://t2.example.org teacher>student"
    )
    assert FIELD.clean(text) == picked


@given(names=some.sets(some.text(min_size=1), min_size=1))
def test_any_name_of_a_row_is_read_back(names):
    text = written({"https://a": names}).partition(" ")[2]

    assert "\n" not in text
    assert text.isprintable()
    from urllib.parse import unquote

    if all(name.isprintable() for name in names):
        assert {unquote(word) for word in text.split(",")} == names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://t0.example.org", "is not of the form SITE,SITE ROW,ROW"),
        ("t0.example.org mod/quiz", "must begin with http:// or https://"),
        ("https://nosuch mod/quiz", "No such tenant: https://nosuch"),
        ("https://t0.example.org; rm mod/quiz", "is not a host name"),
        ("' OR 1=1 -- mod/quiz", "must begin with http:// or https://"),
        ("x" * (2**20 + 1), "at most 1048576 characters"),
        ("a\x00b c", "Null characters are not allowed"),
    ],
)
def test_what_names_no_cells_is_refused(rows, text, said):
    rows(1)

    with pytest.raises(ValidationError, match=said):
        FIELD.clean(text)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_no_cells_mean_all(text):
    assert FIELD.clean(text) == {}
