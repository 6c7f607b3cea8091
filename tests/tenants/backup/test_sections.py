"""The text of a dump is cut where its tables begin, however the pieces fall."""

import hashlib

import pytest

from tenants.backup.sections import Sections

HEAD = b"/*!40101 SET NAMES utf8mb4 */;"
ONE = (
    b"\n/*!40101 SET @saved_cs_client     = @@character_set_client */;"
    b"\n/*!40101 SET character_set_client = utf8mb4 */;"
    b"\nCREATE TABLE `one` (\n  `id` bigint(10) NOT NULL\n) ENGINE=InnoDB;"
    b"\nINSERT INTO `one` VALUES"
    b"\n(1,'(x),\\n(y)'),\n(2,'/*!40101 SET @saved_cs_client CREATE TABLE `no` (');"
)
TWO = ONE.replace(b"`one`", b"`two`")
FOOT = (
    b"\n/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n"
    b"\n/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n"
)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_each_table_gets_its_own_text(size: int):
    text = HEAD + ONE + TWO + FOOT
    written: dict[str, list[bytes]] = {"head": [], "one": [], "two": []}
    sections = Sections(lambda name: written[name].append, [written["head"].append])

    for start in range(0, len(text), size):
        sections.feed(text[start : start + size])
    sections.feed(b"")

    assert {name: b"".join(parts) for name, parts in written.items()} == {
        "head": HEAD + FOOT,
        "one": ONE,
        "two": TWO,
    }
    assert [(one.name, one.rows, one.bytes) for one in sections.found] == [
        ("one", 2, len(ONE)),
        ("two", 2, len(TWO)),
    ]
    assert sections.foot == FOOT
    assert sections.found[0].digest.digest() == hashlib.sha256(ONE).digest()
