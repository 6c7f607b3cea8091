"""XML-RPC: calls are read by Moodle's library elsewhere; answers are read here."""

import pytest

from mnet.errors import MnetError
from mnet.xmlrpc import Fault, answer, request

BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
<!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">]>
<methodResponse><params><param><value>&lol3;</value></param></params></methodResponse>"""
FILE = b"""<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>
<methodResponse><params><param><value>&f;</value></param></params></methodResponse>"""


NESTED = "<array><data><value>" * 99 + "</value></data></array>" * 99


def response(value: str) -> bytes:
    return (
        "<methodResponse><params><param>"
        f"<value>{value}</value></param></params></methodResponse>"
    ).encode()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("text", "text"),
        ("<string>&lt;é&gt;</string>", "<é>"),
        ("<string/>", ""),
        ("<int>-7</int>", -7),
        ("<i4>7</i4>", 7),
        ("<double>1.5</double>", 1.5),
        ("<boolean>1</boolean>", True),
        ("<boolean>0</boolean>", False),
        ("<base64>\n eHk=\n</base64>", b"xy"),
        ("<nil/>", None),
        (
            "<array><data><value>a</value><value><int>1</int></value></data></array>",
            ["a", 1],
        ),
        ("<array><data/></array>", []),
        (
            "<struct><member><name>a</name><value><array><data><value>b</value></data>"
            "</array></value></member></struct>",
            {"a": ["b"]},
        ),
    ],
)
def test_an_answer_is_read(value: str, found: object):
    assert answer(response(value)) == found


def test_a_fault_has_its_code_and_text():
    text = (
        b"<methodResponse><fault><value><struct>"
        b"<member><name>faultCode</name><value><int>7020</int></value></member>"
        b"<member><name>faultString</name><value><string>Why</string></value></member>"
        b"</struct></value></fault></methodResponse>"
    )

    with pytest.raises(Fault, match="fault 7020: Why") as caught:
        answer(text)

    assert caught.value.code == 7020


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "entities"),
        (FILE, "entities"),
        (b"<html>", "not well-formed"),
        (b"\x00\xff", "not well-formed"),
        (b"<?xml version='1.0' encoding='no-such'?><a/>", "not well-formed"),
        (b"<html/>", "no answer of XML-RPC"),
        (b"<methodResponse/>", "0 values"),
        (response("<int>x</int>"), "wrong value of type int"),
        (response("<int>" + "9" * 5000 + "</int>"), "wrong value of type int"),
        (response("<base64>x</base64>"), "wrong value of type base64"),
        (response("<what>x</what>"), "unknown type 'what'"),
        (
            response("<array><data><value>" * 99 + "</value></data></array>" * 99),
            "deep",
        ),
    ],
    ids=[
        "bomb",
        "file",
        "cut",
        "bytes",
        "encoding",
        "html",
        "none",
        "int",
        "digits",
        "base64",
        "type",
        "deep",
    ],
)
def test_what_is_no_answer_is_refused(text: bytes, says: str):
    with pytest.raises(MnetError, match=says):
        answer(text)


def test_a_call_is_escaped():
    assert request("system/keyswap", ["a<b&c"]).endswith(
        b"<methodName>system/keyswap</methodName><params><param><value><string>"
        b"a&lt;b&amp;c</string></value></param></params></methodCall>"
    )
