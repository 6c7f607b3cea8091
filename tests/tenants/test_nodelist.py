"""Lists as CSV: of the PHP system, of spreadsheets, and broken ones."""

from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from tenants import nodelist
from tenants.selection import SelectionError

HEAD = "vhostname;name;shortname;description;mnet;config_theme;auth/ldap|host_url\n"


def read(tmp_path: Path, text: str | bytes) -> nodelist.NodeList:
    path = tmp_path / "nodes.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return nodelist.read(str(path))


def test_a_list_of_the_php_system_is_read(tmp_path: Path):
    text = f"# nodes\n\n(a comment)\n{HEAD}- none\nhttps://a; Ä ;a;x&#44 y&#59z;;c;\n"

    [node] = read(tmp_path, b"\xef\xbb\xbf" + text.encode()).nodes

    assert node.line == 6
    assert (node.host, node.error) == ("https://a", "")
    assert node.values["name"] == "Ä"
    assert node.values["description"] == "x, y;z"
    assert nodelist.config_of(node) == {"": {"theme": "c"}}


def test_quotes_are_those_of_rfc_4180(tmp_path: Path):
    text = (
        'vhostname,name,shortname,mod_quiz|x\r\nhttps://a,"A ""B"", C;\r\n# D",a,"1\n"'
        "\r\n# left out\r\nhttps://b,B,b,\r\n"
    )

    one, two = read(tmp_path, text).nodes

    assert one.values["name"] == 'A "B", C;\r\n# D'
    assert (one.line, two.line) == (2, 6)
    assert nodelist.config_of(one) == {"mod_quiz": {"x": "1\n"}}
    assert nodelist.config_of(two) == {}


def test_a_line_that_is_none_leaves_the_others(tmp_path: Path):
    text = 'vhostname;name;shortname\nhttps://a;A\nhttps://b;"B"x;b\nhttps://c;C;c;;\n'

    short, quoted, good = read(tmp_path, text).nodes

    assert short.error == "it has 2 values for 3 columns"
    assert quoted.error == "its quotes are not as CSV wants them"
    assert quoted.cells == ['https://b;"B"x;b']
    assert (good.line, good.host, good.error) == (4, "https://c", "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "holds no tenant"),
        (HEAD, "holds no tenant"),
        ("name;shortname\nA;a\n", "line 1, .*: the column vhostname is missing"),
        (
            "#\nvhostname;name;shortname;vhost\n",
            "line 2, .*: there is no column 'vhost'",
        ),
        ("name;vhostname;shortname;name\n", "the column name is there twice"),
        (
            "vhostname;name;shortname\nhttps://a;\xe9;a".encode("latin-1"),
            "line 2: .*UTF",
        ),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, text, sentence: str):
    with pytest.raises(SelectionError, match=sentence):
        read(tmp_path, text)


def test_what_belongs_to_one_site_is_not_set(tmp_path: Path):
    text = "vhostname;name;shortname;config_siteadmins\nhttps://a;A;a;2\n"
    [node] = read(tmp_path, text).nodes

    with pytest.raises(ValidationError, match="config_siteadmins: siteadmins hol"):
        nodelist.config_of(node)


@pytest.mark.django_db
def test_columns_become_what_the_form_takes(server):
    node = nodelist.Node(
        1,
        [],
        {
            "vhostname": "https://a.example.org",
            "vdbhost": "localhost",
            "vdbpersist": "yes",
            "mnet": "NEW",
            "enabled": "0",
            "tags": "a, b",
        },
    )

    assert nodelist.form_data(node, 7) == {
        "wwwroot": "https://a.example.org",
        "db_persist": "1",
        "disabled": "1",
        "origin": "register",
        "network": "7",
        "server": "db1",
        "tags": ["a", "b"],
    }
    node.values |= {"vdbhost": "db9"}
    with pytest.raises(ValidationError, match=r"no database server db9 \(known: db1"):
        nodelist.form_data(node, 7)
    node.values |= {"forcedns": "maybe"}
    with pytest.raises(ValidationError, match="forcedns: 'maybe' is neither 1 nor 0"):
        nodelist.form_data(node, 7)
