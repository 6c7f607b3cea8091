"""What bin/demo says before it does anything."""

import sys

import pytest

from demo import run


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--port=1"], "port 1 is in use: choose others with --port"),
        (["--moodle", "/proc"], "/proc is no Moodle: it has no version.php"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(words, sentence: str, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bin/demo", *words])
    monkeypatch.setattr(run, "is_free", lambda port: port != 1)

    with pytest.raises(SystemExit) as end:
        run.arguments()

    assert end.value.code == 2
    assert capsys.readouterr().err == f"bin/demo: {sentence}\n"
