"""What bin/demo says before it does anything."""

import os
import subprocess
import sys
import threading
from argparse import Namespace
from contextlib import nullcontext

import pytest

from demo import fleet, run
from tenants import php
from tenants.models import Tenant
from tests.boot.fleet import make_tree
from tests.conftest import ROOT
from tests.demo.site import Pair, read


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--port=1"], "port 1 is in use: choose others with --port"),
        (["--port=0"], "--port 0: give one from 1 to 65435"),
        (["--port=99999"], "--port 99999: give one from 1 to 65435"),
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


@pytest.mark.django_db
def test_a_port_that_is_taken_meanwhile_is_told_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(run, "database", lambda: nullcontext({"socket": "x"}))
    monkeypatch.setattr(run, "django", nullcontext)
    for step in ("tenants", "linger", "courses"):
        monkeypatch.setattr(fleet, step, lambda *_given: None)
    monkeypatch.setattr(fleet, "sandbox_trees", lambda home: [home])
    monkeypatch.setattr(run, "is_free", lambda port: port != 8110)

    with pytest.raises(SystemExit) as end:
        run.run(Namespace(port=8010, moodle=[], once=False), lock=0)

    assert end.value.code == 2
    said = "bin/demo: port 8110 is in use: choose others with --port\n"
    assert capsys.readouterr().err == said


@pytest.mark.django_db
def test_a_site_that_cannot_be_installed_is_told_in_one_line(monkeypatch, tmp_path):
    def fail(_options, _lock):
        fleet.install(Tenant(wwwroot="http://north.localhost"), threading.Event())

    def full(*_words):
        raise php.PhpError("install_database.php: No space left on device")
        yield

    monkeypatch.setattr(sys, "argv", ["bin/demo", "--once"])
    monkeypatch.setattr(run, "HOME", tmp_path / "demo")
    monkeypatch.setattr(run, "run", fail)
    monkeypatch.setattr(php, "run", full)

    with pytest.raises(SystemExit) as ended:
        run.main()

    assert ended.value.code == (
        "bin/demo: http://north.localhost cannot be installed: install_database.php: "
        "No space left on device"
    )


def test_a_tree_that_cannot_be_copied_is_told_in_one_line(tmp_path):
    tree = make_tree(tmp_path / "4.2")
    os.mkfifo(tree / "pipe")

    with pytest.raises(OSError, match="4.2 cannot be copied: .*pipe` is a named pipe"):
        fleet.moodle_trees(tmp_path / "demo", [str(tree)])


def test_each_tenant_has_a_course_to_try_things_on(pair: Pair):
    fleet.courses()

    for tenant in pair:
        names = read(tenant, "SELECT shortname FROM {course} WHERE category <> 0")
        assert names == [("maths",)]


def test_a_shell_reads_what_the_demo_was_told():
    told = run.for_a_shell({"VMOODLE_VAR_DIR": "/it's here", "DEBUG": "false"})

    said = subprocess.run(
        ["bash", "-c", f'{told}echo "$VMOODLE_VAR_DIR" "$DEBUG"; command -v manage.py'],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert said.stdout == f"/it's here false\n{ROOT}/manage.py\n"
