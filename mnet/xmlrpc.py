"""XML-RPC: what is asked, and what is answered. Bytes in, bytes out."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from xml.etree.ElementTree import Element  # noqa: S405 - only the type
from xml.sax.saxutils import escape

from mnet import safexml
from mnet.errors import MnetError

DEEPEST = 20  # lists within lists

Value = bool | int | float | str | bytes | None | list["Value"] | dict[str, "Value"]


class Fault(MnetError):
    """The peer answered that it will not."""

    def __init__(self, code: int, text: str, message: str = "") -> None:
        super().__init__(message or f"it answers with fault {code}: {text}")
        self.code, self.text = code, text


def request(method: str, arguments: Sequence[str] = ()) -> bytes:
    """Return the call of a method with texts for arguments."""
    values = "".join(
        f"<param><value><string>{escape(text)}</string></value></param>"
        for text in arguments
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><methodCall>'
        f"<methodName>{escape(method)}</methodName><params>{values}</params>"
        "</methodCall>"
    ).encode()


def answer(text: bytes) -> Value:
    """Return the value that was answered; raise Fault, or MnetError when it is none."""
    root = safexml.root(text)
    if safexml.name(root) != "methodResponse":
        raise MnetError("it is no answer of XML-RPC")
    if (fault := root.find("fault/value")) is not None:
        raise _fault(_value(fault, 0))
    found = root.findall("params/param/value")
    if len(found) != 1:
        raise MnetError(f"it answers with {len(found)} values instead of one")
    return _value(found[0], 0)


def _fault(value: Value) -> Fault:
    fields = value if isinstance(value, dict) else {}
    code, text = fields.get("faultCode"), fields.get("faultString")
    return Fault(code if isinstance(code, int) else 0, str(text or "no reason given"))


def _value(element: Element, depth: int) -> Value:
    if depth > DEEPEST:
        raise MnetError("its answer is nested too deeply")
    inner = list(element)
    if not inner:
        return element.text or ""
    kind, content = safexml.name(inner[0]), inner[0]
    if kind == "array":
        return [_value(item, depth + 1) for item in content.findall("data/value")]
    if kind == "struct":
        return {
            member.findtext("name") or "": _member(member, depth)
            for member in content.findall("member")
        }
    if kind not in SCALARS:
        raise MnetError(f"its answer has a value of unknown type {kind[:40]!r}")
    text = content.text or ""
    try:
        return SCALARS[kind](text if kind == "string" else text.strip())
    except (ValueError, binascii.Error) as error:
        raise MnetError(f"its answer has a wrong value of type {kind}") from error


def _member(member: Element, depth: int) -> Value:
    value = member.find("value")
    return None if value is None else _value(value, depth + 1)


SCALARS: Mapping[str, Callable[[str], Value]] = {
    "string": str,
    "dateTime.iso8601": str,
    "int": int,
    "i4": int,
    "i8": int,
    "double": float,
    "boolean": lambda text: bool(int(text)),
    "base64": lambda text: base64.b64decode("".join(text.split())),
    "nil": lambda text: None,
}
