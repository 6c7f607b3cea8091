"""Where a shell takes passwords from."""

import argparse
import io

import pytest
from django import forms
from django.core.exceptions import ValidationError

from commands.base import Command
from commands.shell import secrets
from commands.shell.secrets import add_secret_option, secrets_given
from tenants.forms import ServerForm


class Reset(Command):
    """Take a password."""

    password = forms.CharField(widget=forms.PasswordInput, help_text="The new one.")


def options(*words: str) -> dict:
    parser = argparse.ArgumentParser()
    add_secret_option(parser, "password", ["-p", "--password"], "The new one.")
    return vars(parser.parse_args(words))


def test_the_first_line_of_a_file_is_taken(tmp_path):
    path = tmp_path / "password"
    path.write_text(" hüsh \r\nanother\n", encoding="utf-8")

    given = secrets_given(Reset, options(f"--password-file={path}"))

    assert given == {"password": " hüsh "}


def test_standard_input_is_taken(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("hush\n"))

    assert secrets_given(Reset, options("--password-file=-")) == {"password": "hush"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_asked_twice(monkeypatch):
    asked = []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(
        secrets.getpass, "getpass", lambda text: asked.append(text) or "hush"
    )

    assert secrets_given(Reset, options()) == {"password": "hush"}
    assert asked == ["Password: ", "Password again: "]


def test_one_that_may_be_left_out_is_asked_for_by_a_dash(monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(secrets.getpass, "getpass", lambda text: "hush")
    given = {"field_admin_password": None, "secret_admin_password": None}

    assert secrets_given(ServerForm, given) == {}
    given["secret_admin_password"] = "-"
    assert secrets_given(ServerForm, given) == {"admin_password": "hush"}


def test_two_different_answers_are_refused(monkeypatch):
    answers = iter(["one", "two"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(secrets.getpass, "getpass", lambda text: next(answers))

    with pytest.raises(ValidationError, match="differ: nothing was done"):
        secrets_given(Reset, options())


def test_no_answer_is_no_password(monkeypatch):
    def end(_text: str) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(secrets.getpass, "getpass", end)

    with pytest.raises(ValidationError, match="No password was given: nothing was"):
        secrets_given(Reset, options())


def test_without_a_terminal_nobody_is_asked(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert secrets_given(Reset, options()) == {}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(None, "cannot be read: No such file"), (b"", "empty"), (b"\xff", "no UTF-8")],
)
def test_a_file_that_cannot_serve_is_told(tmp_path, data, sentence: str):
    path = tmp_path / "password"
    if data is not None:
        path.write_bytes(data)

    with pytest.raises(ValidationError, match=sentence):
        secrets_given(Reset, options(f"--password-file={path}"))
