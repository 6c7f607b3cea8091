"""The way in and out of our PHP; what it does is proved on a real Moodle."""

from pathlib import Path

import pytest

from tenants import agent
from tenants.models import Tenant
from tenants.php import PhpError


@pytest.fixture
def answering(monkeypatch, tmp_path: Path):
    """Return a function that puts a script in the place of agent.php."""

    def put(php: str) -> None:
        script = tmp_path / "agent.php"
        script.write_text(f"<?php {php}")
        monkeypatch.setattr(agent, "AGENT", script)

    return put


def lines_and_result(tenant: Tenant, given: dict) -> tuple[list[str], object]:
    lines, steps = [], agent.ask(tenant, "op", given)
    while True:
        try:
            line = next(steps)
        except StopIteration as end:
            return lines, end.value
        lines += [line] if line else []


def test_what_is_given_comes_back_with_the_log(tenant: Tenant, answering):
    answering(
        r'echo "working\n", "\n\x1e{\"result\":", "\n\x1e", stream_get_contents(STDIN),'
        r' "}\n";'
    )

    lines, result = lines_and_result(tenant, {"name": "é\n'\";"})

    assert lines == ["working"]
    assert result == {"name": "é\n'\";"}


def test_the_operation_and_the_tree_are_named(tenant: Tenant, answering):
    answering(r'echo "\n\x1e", json_encode(["result" => array_slice($argv, 1)]), "\n";')

    _lines, result = lines_and_result(tenant, {})

    assert result == [f"--host={tenant.wwwroot}", tenant.release.path, "op"]


def test_a_large_input_and_a_large_answer_pass(tenant: Tenant, answering):
    answering(
        r'$out = "{\"result\":" . stream_get_contents(STDIN) . "}";'
        r' foreach (str_split($out, 1 << 20) as $p) { echo "\n\x1e$p"; } echo "\n";'
    )
    given = {"text": "x" * (20 * 1024**2)}

    _lines, result = lines_and_result(tenant, given)

    assert result == given


def test_a_refusal_is_one_sentence(tenant: Tenant, answering):
    answering(r'echo "\n\x1e", json_encode(["error" => "no\nsuch role"]), "\n";')

    with pytest.raises(agent.AgentRefusal, match="^no such role$"):
        lines_and_result(tenant, {})


def test_nothing_to_do_is_told(tenant: Tenant, answering):
    answering(r'echo "\n\x1e", json_encode(["nothing" => "it is so already"]), "\n";')

    with pytest.raises(agent.AgentNothingToDo, match="it is so already"):
        lines_and_result(tenant, {})


@pytest.mark.parametrize(
    ("php", "sentence"),
    [("exit(0);", "op ended without an answer"), ("exit(3);", "exit code 3")],
)
def test_no_answer_is_an_error(tenant: Tenant, answering, php: str, sentence: str):
    answering(php)

    with pytest.raises(PhpError, match=sentence):
        lines_and_result(tenant, {})


def test_what_is_closed_is_dead_before_anything_is_cleaned_up(
    tenant: Tenant, answering, tmp_path: Path
):
    begun = tmp_path / "pid"
    answering(f"file_put_contents('{begun}', getmypid()); echo \"on\\n\"; sleep(60);")

    def command():
        try:
            yield from agent.ask(tenant, "op", {})
        except GeneratorExit as error:  # holds the frames that it came through
            lives.append(Path(f"/proc/{begun.read_text()}").exists())
            assert error
            raise

    lives: list[bool] = []
    steps = command()
    while next(steps) != "on":
        pass

    steps.close()

    assert lives == [False]
