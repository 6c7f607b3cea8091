import csv
import io
import json

import pytest

from commands.matrix import (
    Cell,
    Matrix,
    Site,
    as_csv,
    as_json,
    as_text,
    compare,
    narrowed,
    without_alike,
)

WORDS = {"on": "enabled", "off": "disabled", "absent": "not installed", "text": ""}
ON, OFF, ABSENT = Cell("on", "on"), Cell("off", "off"), Cell("absent", "absent")


def site(name: str, problem: str = "", **cells: Cell) -> Site:
    return Site(hash(name), f"https://{name}", name.title(), cells, problem)


def matrix(*, everything: bool = False) -> Matrix:
    others = [
        site("b", quiz=ON, chat=ON),
        site("c", quiz=OFF, chat=ON, own=ON),
        site("d", "database server db1: away"),
        site("e", quiz=OFF, chat=ON),
    ]
    reference = site("a", quiz=ON, chat=ON)
    return compare(reference, others, WORDS, absent=ABSENT, everything=everything)


def test_the_reference_comes_first_and_only_differing_rows_are_kept():
    found = matrix()

    assert [s.wwwroot for s in found.sites][0] == "https://a"
    assert [row.name for row in found.rows] == ["own", "quiz"]
    assert found.compared == 3


def test_a_row_the_reference_has_not_is_compared_with_its_absence():
    row = matrix().rows[0]

    assert row.cells[0] == ABSENT
    assert row.differs == [False, False, True, False, False]


def test_a_site_that_could_not_be_read_differs_in_nothing_and_hides_no_other():
    found = matrix(everything=True)

    assert [row.differs[3] for row in found.rows] == [False] * 3
    assert {found.said(row.cells[3]) for row in found.rows} == {"not readable"}


def test_sites_like_the_reference_can_be_left_out():
    found = without_alike(matrix())

    assert [s.name for s in found.sites] == ["A", "C", "D", "E"]
    assert found.alike == 1
    assert [len(row.cells) for row in found.rows] == [4, 4]


@pytest.mark.parametrize(
    ("text", "names"),
    [("", ["chat", "own", "quiz"]), ("QU z", ["quiz"]), ("nothing", [])],
)
def test_rows_are_found_by_words(text, names):
    assert [row.name for row in narrowed(matrix(everything=True), text).rows] == names


def test_csv_is_read_back_as_the_table():
    lines = list(csv.reader(io.StringIO(as_csv(matrix()))))

    assert lines[0] == ["", *(f"https://{name}" for name in "abcde")]
    assert lines[2] == [
        "quiz",
        "enabled",
        "enabled",
        "disabled",
        "not readable",
        "disabled",
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_text_of_a_csv_is_a_formula(text):
    reference, other = (
        site("a", x=Cell("", "text", text)),
        site("b", x=Cell("1", "text")),
    )

    found = compare(reference, [other], WORDS, absent=ABSENT)

    assert list(csv.reader(io.StringIO(as_csv(found), newline="")))[1][1] == f"'{text}"


def test_json_tells_rows_sites_and_problems():
    told = json.loads(as_json(matrix()))

    assert told["reference"] == "https://a"
    assert told["problems"] == {"https://d": "database server db1: away"}
    assert told["rows"][1] == {
        "row": "quiz",
        "reference": "enabled",
        "sites": {
            "https://b": "enabled",
            "https://c": "disabled",
            "https://e": "disabled",
        },
        "differ": ["https://c", "https://e"],
    }


def test_the_shell_shows_sites_that_are_alike_together():
    assert list(as_text(matrix())) == [
        "own: not installed",
        "    enabled (1): https://c",
        "quiz: enabled",
        "    disabled (2): https://c, https://e",
        "https://d: database server db1: away",
        "2 of 3 rows differ, on 2 of 4 sites, from https://a",
    ]
