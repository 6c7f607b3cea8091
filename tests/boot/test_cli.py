"""boot.php on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.boot.fleet import make_tree, published, run_cli

A, B = "https://a.example.org", "https://b.example.org"


@pytest.fixture
def two(tree: Path) -> Path:
    published(A, tree, db_name="a")
    published(B, tree, db_name="b", shortname="b")
    return tree


def shown(tree: Path, *options: str, **environment: str) -> Any:
    done = run_cli(tree, *options, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def refusal(tree: Path, *options: str, **environment: str) -> str:
    done = run_cli(tree, *options, **environment)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.count("\n") == 1
    return done.stderr.strip()


def test_host_chooses_the_tenant_and_disappears(two: Path):
    page = shown(two, "--one", f"--host={B}", "two")

    assert page["cfg"]["dbname"] == "b"
    assert page["argv"] == page["server_argv"] == [f"{two}/index.php", "--one", "two"]
    assert page["argc"] == page["server_argc"] == 3


def test_nothing_is_left_in_the_global_scope(two: Path):
    page = shown(two, f"--host={A}")

    assert page["globals"] == ["CFG"]
    assert page["error"] is None


def test_words_behind_two_dashes_are_the_scripts_own(two: Path):
    page = shown(two, f"--host={A}", "--", f"--host={B}", "--host")

    assert page["cfg"]["dbname"] == "a"
    assert page["argv"][1:] == ["--", f"--host={B}", "--host"]


def test_host_behind_two_dashes_chooses_nothing(two: Path):
    assert "no tenant is chosen" in refusal(two, "--", f"--host={A}")


def test_the_environment_chooses_when_there_is_no_host(two: Path):
    page = shown(two, "--", "x", VMOODLE_HOST=B)

    assert page["cfg"]["dbname"] == "b"
    assert page["argv"][1:] == ["--", "x"]


def test_host_goes_before_the_environment(two: Path):
    page = shown(two, f"--host={A}", VMOODLE_HOST=B)

    assert page["cfg"]["wwwroot"] == page["inherited"] == A


def test_no_host_is_an_error_never_a_default(two: Path):
    assert "no tenant is chosen: give --host=URL" in refusal(two)
    assert "no tenant is chosen" in refusal(two, VMOODLE_HOST="")


def test_an_empty_host_does_not_fall_back_to_the_environment(two: Path):
    assert "no tenant is chosen" in refusal(two, "--host=", VMOODLE_HOST=A)


def test_a_host_without_equals_sign_is_refused(two: Path):
    assert "--host=URL" in refusal(two, "--host", B, VMOODLE_HOST=A)


def test_two_different_hosts_are_refused(two: Path):
    assert f"twice: {A} and {B}" in refusal(two, f"--host={A}", f"--host={B}")
    assert shown(two, f"--host={A}", f"--host={A}")["argc"] == 1


@pytest.mark.parametrize(
    "host", ["https://a.example.org/", "HTTPS://A.Example.Org", f"{A}:443", f"{A}:443/"]
)
def test_a_wwwroot_has_many_spellings(two: Path, host: str):
    assert shown(two, f"--host={host}")["cfg"]["wwwroot"] == A


@pytest.mark.parametrize(
    "host",
    [
        "https://c.example.org",
        "http://a.example.org",
        "a.example.org",
        "https://a.example.org:8443",
        "https://a.example.org/sub",
        "https://a.example.org/sub/sub",
        "https://user@a.example.org",
        "https://a.example.org?x",
        "https://a.example.org#x",
        "https://a.example.org\\",
        "https://../a.example.org",
        "https://boot",
        "https://_fleet",
        "https://",
        "/",
        ":",
        "0",
        "https://a.example.org:99999",
        "https://" + "a" * 5000,
    ],
    ids=lambda host: repr(host[:32]),
)
def test_an_unknown_tenant_is_named_and_refused(two: Path, host: str):
    said = refusal(two, f"--host={host}")

    assert f"there is no tenant {host}: " in said
    assert ("Sub-paths are of one level" in said) == host.endswith("/sub/sub")


@pytest.mark.parametrize(
    "wwwroot",
    [
        "https://a.example.org:8443",
        "https://a.example.org/one",
        "https://a.example.org:8443/one",
        "https://c.example.org:80",
        "http://c.example.org:8080/two",
    ],
)
def test_ports_and_sub_paths(two: Path, wwwroot: str):
    published(wwwroot, two, db_name="this", shortname="this")

    assert shown(two, f"--host={wwwroot}")["cfg"]["dbname"] == "this"


def test_a_tenant_of_another_release_is_refused(two: Path, tmp_path: Path):
    other = make_tree(tmp_path / "4.2")

    said = refusal(other, f"--host={A}")

    assert said == f"VMoodle: {A} is pinned to {two}; this is {other}."


def test_a_disabled_tenant_can_be_repaired_from_the_shell(tree: Path):
    published(A, tree, enabled=False)

    assert shown(tree, f"--host={A}")["cfg"]["wwwroot"] == A


def test_cli_script_does_not_matter(two: Path):
    (two / "page.php").write_text(f"<?php require '{two}/config.php';")

    assert run_cli(two, script="page.php").returncode == 78


def test_no_password_in_any_refusal(two: Path, tmp_path: Path):
    other = make_tree(tmp_path / "4.2")

    for options in ([], ["--host=x"], [f"--host={A}"]):
        assert "secret" not in refusal(other, *options)


def test_a_tree_of_5_1(tmp_path: Path):
    tree = make_tree(tmp_path / "5.1", public=True)
    published(A, tree)

    done = run_cli(tree, f"--host={A}", script="public/index.php")

    assert json.loads(done.stdout)["cfg"]["wwwroot"] == A


def test_a_script_is_told_the_new_address(two: Path):
    published("https://new.example.org", two, former="https://old.example.org")

    said = refusal(two, "--host=https://old.example.org")

    assert "https://old.example.org has moved: give https://new.example.org" in said
