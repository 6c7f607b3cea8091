"""Read XML that somebody else wrote. Nothing else here parses any.

No document types and no entities, so nothing grows, and nothing is fetched.
"""

from xml.etree.ElementTree import Element, ParseError  # noqa: S405 - only their types

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from mnet.errors import MnetError


def root(text: bytes) -> Element:
    """Return the root element of a document; raise MnetError when it is none."""
    try:
        found: Element = fromstring(text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise MnetError(
            "it is XML with a document type or entities, which no MNet message has"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise MnetError("it is not well-formed XML") from error
    return found


def name(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def only(parent: Element, path: str) -> str:
    """Return the text of the one element at a path; namespaces do not matter."""
    found = parent.findall("/".join(f"{{*}}{step}" for step in path.split("/")))
    if len(found) != 1:
        raise MnetError(f"it has {len(found)} elements {path} instead of one")
    return (found[0].text or "").strip()
