"""The page of what is proved where names every command, and tests that there are."""

import re
from collections.abc import Iterator

from commands.base import all_commands
from tests.commands import php_scripts
from tests.conftest import ROOT

PAGE = (ROOT / "docs/parity.md").read_text()


def rows() -> Iterator[tuple[list[str], str, str, str]]:
    """Yield the commands of each row, and its other cells."""
    for line in PAGE.splitlines():
        if re.match(r"\| \w+/", line):
            name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            category, _slash, names = name.partition("/")
            yield [f"{category}/{each}" for each in names.split(", ")], *cells


def test_every_command_has_a_row():
    named = [name for names, *_cells in rows() for name in names]

    assert sorted(named) == sorted(command.name() for command in all_commands())


def test_every_script_of_the_php_system_is_on_the_page():
    scripts = f"{php_scripts.PER_TENANT} {php_scripts.BULK}".split()

    assert [name for name in scripts if f"`{name}`" not in PAGE] == []


def test_the_tests_that_a_row_names_are_there():
    lost = []
    for _names, _scripts, real, sandbox in rows():
        for folder, cell in (("moodle", real), ("demo", sandbox)):
            for file, test in re.findall(r"`(test_\w+): (test_\w+)`", cell):
                path = ROOT / f"tests/{folder}/{file}.py"
                if not path.is_file() or f"def {test}(" not in path.read_text():
                    lost.append(f"{file}: {test}")

    assert lost == []


def test_a_row_names_a_test_or_says_why_there_is_none():
    for names, _scripts, real, sandbox in rows():
        assert "`test" in real, names
        assert re.search(r"`test|^skipped: |same", sandbox), names
