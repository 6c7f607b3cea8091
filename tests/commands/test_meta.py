"""Rules that hold for every command, management command and import."""

import argparse
import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.checks import Error, Tags, run_checks
from django.core.management import call_command, load_command_class

from commands.base import Command, all_commands, find
from commands.cli import Base, BulkCommand, TenantCommand
from commands.console.site import Console
from commands.explained import CATEGORIES
from commands.shell.obsolete import Gone
from commands.shell.options import SELECTORS
from tests.commands import php_scripts
from tests.commands.conftest import Manage
from tests.conftest import ROOT

COMMANDS = [pytest.param(command, id=command.name()) for command in all_commands()]
# PHP has a script for each of these; the others are reached by `run_command`.
SCRIPTED = [
    pytest.param(command, id=command.name())
    for command in all_commands()
    if command.category() in {"system", "upgrade"}
    or command.name() in {"generic/Maintenance", "generic/PurgeCaches"}
]
APPS = ("commands", "mnet", "tenants", "vmoodle_site")
FORBIDDEN = {"tenants": {"commands", "mnet"}, "mnet": {"commands"}}
# Who may import what: each edge has one module.
EDGES = {
    "django_q": {"commands/queue.py"},
    "MySQLdb": {"tenants/moodledb.py"},
    # PHP, what needs the web user's rights, and MariaDB's programs joined by pipes.
    "subprocess": {"tenants/process.py", "tenants/files.py", "tenants/backup/dump.py"},
}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT)


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def packages(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


def management_commands() -> list[str]:
    folder = ROOT / "commands/management/commands"
    return sorted(path.stem for path in folder.glob("[a-z]*.py"))


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def test_a_start_loads_only_what_every_command_needs():
    code = (
        "import django, sys; django.setup(); import commands.cli; print(*sys.modules)"
    )

    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)

    assert set(loaded.split()) & {"sqlglot", "rich", "commands.admin"} == set()


def test_the_pages_are_checked_by_manage_py_check(monkeypatch):
    monkeypatch.setattr(Console, "check", lambda self, configs: [Error("a page")])

    assert [found.msg for found in run_checks(tags=[Tags.admin])] == ["a page"]


def test_every_package_that_registers_commands_is_a_category():
    files = (ROOT / "commands").glob("*/*.py")
    having = {path.parent.name for path in files if "\n@register\n" in path.read_text()}

    assert having == set(CATEGORIES)


def test_every_command_is_known():
    names = {command.name() for command in all_commands()}

    assert names >= {
        "generic/Maintenance",
        "generic/PurgeCaches",
        "upgrade/CheckStatus",
        "upgrade/Upgrade",
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_explains_itself(command: type[Command]):
    assert command.__doc__ and command.__doc__ != Command.__doc__
    assert command.summary().endswith(".")
    assert [n for n, field in command.base_fields.items() if not field.help_text] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_lies_where_its_name_says(command: type[Command]):
    category, _slash, name = command.name().partition("/")

    assert command.__module__ == f"commands.{category}.{snake(name)}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_a_test_of_its_own(command: type[Command]):
    *_commands, category, name = command.__module__.split(".")

    assert (ROOT / f"tests/commands/{category}/test_{name}.py").is_file()


def documentation(command: type[Command]) -> str:
    """Return a command's page, or its section of a page."""
    category, _slash, name = command.name().partition("/")
    page = ROOT / f"docs/commands/{category}-{snake(name)}.md"
    if page.is_file():
        return page.read_text()
    text = "\n".join(path.read_text() for path in command_pages())
    return text.partition(f"\n## {command.name()}\n")[2].partition("\n## ")[0]


def command_pages() -> list[Path]:
    pages = sorted((ROOT / "docs/commands").glob("*.md"))
    return [ROOT / "docs/commands.md", ROOT / "docs/scripts.md", *pages]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_documented(command: type[Command]):
    assert documentation(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_parameter_is_documented(command: type[Command]):
    section = documentation(command)

    own = set(command.base_fields) - {"more"}
    assert {name for name in own if f"`{name}`" not in section} == set()


@pytest.mark.parametrize("command", SCRIPTED)
def test_a_command_has_both_forms_in_the_shell(command: type[Command]):
    wrappers = [load_command_class("commands", name) for name in management_commands()]
    mine = [w for w in wrappers if isinstance(w, Base) and w.runs is command]

    assert any(isinstance(wrapper, TenantCommand) for wrapper in mine)
    assert any(isinstance(wrapper, BulkCommand) for wrapper in mine)


def test_every_script_of_the_php_system_is_a_management_command():
    scripts = {*php_scripts.PER_TENANT.split(), *php_scripts.BULK.split()}

    missing = scripts - set(management_commands())

    assert len(scripts) == 77
    assert missing == set(php_scripts.LATER.split())


@pytest.mark.parametrize("name", php_scripts.CLASSES.split())
def test_a_command_class_is_found_by_its_name_in_php(name: str):
    assert find(name).category() == name.partition("/")[0]


@pytest.mark.parametrize("name", management_commands())
def test_a_management_command_is_documented(name: str):
    pages = [ROOT / "docs/shell.md", ROOT / "docs/boot.md", *command_pages()]

    named = re.compile(rf"(`|manage\.py ){name}(?![\w/.-])")
    assert any(named.search(page.read_text()) for page in pages)


@pytest.mark.parametrize("name", management_commands())
def test_a_management_command_has_a_test(name: str):
    here = {Path(__file__), Path(php_scripts.__file__)}
    tests = set((ROOT / "tests").rglob("*.py")) - here

    assert any(f'"{name}"' in test.read_text() for test in tests)


@pytest.mark.parametrize("name", management_commands())
def test_every_management_command_prints_its_help(manage: Manage, name: str):
    said = manage(name, "--help")

    summary = load_command_class("commands", name).help.split("\n")[0]
    assert said.code == 0
    assert summary
    assert summary in " ".join(said.out.split())


@pytest.mark.parametrize("name", management_commands())
def test_no_two_options_share_a_short_form(name: str):
    parser = load_command_class("commands", name).create_parser("manage.py", name)
    ours = [action for action in parser._actions if action.dest.startswith("field_")]

    lost = [action.dest for action in ours if not action.option_strings]

    assert lost == []
    for action in parser._actions:
        for option in action.option_strings:
            assert parser._option_string_actions[option] is action


@pytest.mark.parametrize("name", management_commands())
def test_an_option_of_one_value_is_refused_twice(name: str):
    if name == "makemessages":
        pytest.skip("Django's own, with a few texts more")
    parser = load_command_class("commands", name).create_parser("manage.py", name)

    lax = [a for a in parser._actions if type(a) is argparse._StoreAction]
    lost = {action.dest for action in lax if action.option_strings}
    assert lost <= {"verbosity", "settings", "pythonpath"}  # Django's


def bulk_commands() -> list[str]:
    """Return those whose tenants are chosen, and not named in a file of their own."""
    return [
        name
        for name in management_commands()
        if name.startswith("bulk")
        and name not in {"bulkcreatenodes", "bulkdestroynodes"}
        and not isinstance(load_command_class("commands", name), Gone)
    ]


@pytest.mark.parametrize("name", bulk_commands())
def test_every_bulk_command_chooses_tenants_and_tells_its_plan(name: str):
    parser = load_command_class("commands", name).create_parser("manage.py", name)

    wanted = {f"--{selector}" for selector in SELECTORS}
    wanted |= {"--with-master", "--dry-run", "--yes", "--retry", "--json"}
    assert wanted - set(parser._option_string_actions) == set()


@pytest.mark.parametrize("letter", sorted("tmeMjsfldvh"))
def test_a_parameter_s_short_form_takes_none_of_the_bulk_options(letter: str):
    takers = [c.name() for c in all_commands() if letter in "".join(c.letters.values())]

    assert takers == []


def test_every_setting_stands_in_the_example():
    read = re.findall(
        r'env\.\w+\(\s*"(\w+)"', (ROOT / "vmoodle_site/settings.py").read_text()
    )
    told = re.findall(r"(?m)^#(\w+)=", (ROOT / ".env.example").read_text())

    assert sorted({*read} - {*told, "VMOODLE_ENV_FILE"}) == []  # where they stand


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_go_one_way(package: str):
    wrong = {
        str(path): found
        for path in sources(package)
        if (found := packages(path) & FORBIDDEN[package])
    }

    assert wrong == {}


@pytest.mark.parametrize("module", EDGES)
def test_an_edge_is_the_only_one_that_imports_its_outside_thing(module: str):
    importers = {str(path) for path in sources(*APPS) if module in packages(path)}

    assert importers == EDGES[module]
    assert importlib.util.find_spec(module)


def test_no_module_has_a_name_that_says_nothing():
    vague = {"utils", "helpers", "services", "managers", "util", "helper", "misc"}

    assert [path for path in sources(*APPS) if path.stem in vague] == []


def test_files_and_functions_stay_small():
    large = []
    for path in sources(*APPS):
        text = (ROOT / path).read_text()
        if text.count("\n") > 400:
            large.append(str(path))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and length(node) > 30:
                large.append(f"{path}: {node.name}")

    # It is a table of what Moodle gets.
    assert large == ["tenants/serving/boot.py: boot_values"]


def length(node: ast.FunctionDef) -> int:
    """Return the lines of a function's body, without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0
