"""The keys of a dumped table are added behind its rows."""

import pytest

from tenants.backup.latekeys import LateKeys

HEAD = (
    b"\n/*!40101 SET @saved_cs_client     = @@character_set_client */;"
    b"\nCREATE TABLE `t` (\n  `id` bigint(10) NOT NULL AUTO_INCREMENT,"
    b"\n  `a` varchar(99) NOT NULL DEFAULT 'KEY, `a`',\n  `b` longtext DEFAULT NULL,"
    b"\n  PRIMARY KEY (`id`)"
)
KEYS = (
    b",\n  UNIQUE KEY `t_a_uix` (`a`,`id`),\n  FULLTEXT KEY `words` (`b`)"
    b",\n  KEY `t_b_ix` (`b`(191)) COMMENT 'x, y'"
)
TAIL = (
    b"\n) ENGINE=InnoDB;\nset autocommit=0;\nINSERT INTO `t` VALUES\n(1,',\\n  KEY');"
)


def written(text: bytes, size: int) -> bytes:
    """Return what becomes of a text that comes in pieces, which are whole lines."""
    out: list[bytes] = []
    late = LateKeys(out.append)
    lines = [b"\n" + line for line in text.split(b"\n")[1:]]
    for at in range(0, len(lines), size):
        late(b"".join(lines[at : at + size]))
    late.end()
    return b"".join(out)


@pytest.mark.parametrize("size", [1, 3, 99])
def test_keys_come_behind_the_rows(size: int):
    assert written(HEAD + KEYS + TAIL, size) == (
        HEAD
        + b",\n  FULLTEXT KEY `words` (`b`)"
        + TAIL
        + b"\nALTER TABLE `t` ADD UNIQUE KEY `t_a_uix` (`a`,`id`),"
        b" ADD KEY `t_b_ix` (`b`(191)) COMMENT 'x, y';"
    )


@pytest.mark.parametrize(
    "text",
    [
        HEAD + TAIL,
        HEAD.replace(b"(`id`)", b"(`a`)") + KEYS + TAIL,
        HEAD.replace(b",\n  PRIMARY KEY (`id`)", b"") + KEYS + TAIL,
        HEAD
        + KEYS
        + b",\n  CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `u` (`a`)"
        + TAIL,
        b"\nno table at all",
    ],
    ids=["no keys", "counter elsewhere", "no primary key", "foreign key", "no table"],
)
def test_what_cannot_do_without_them_keeps_its_keys(text: bytes):
    assert written(text, 2) == text
