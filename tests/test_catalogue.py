"""The French catalogue has every text of the console, and only those."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

CATALOGUE = "vmoodle_site/locale/fr/LC_MESSAGES/django.po"
SOURCES = ("commands", "mnet", "templates", "tenants", "vmoodle_site")
IGNORED = [f"--ignore={name}/*" for name in (".venv", "bench", "demo", "tests", "var")]
COLLECT = ["makemessages", "--locale=fr", "--no-location", "--no-obsolete", *IGNORED]


def texts(path: Path) -> list[str]:
    """Return the catalogue's lines in one form, but for when it was made."""
    words = ["msgcat", "--sort-output", "--no-wrap", str(path)]
    lines = subprocess.check_output(words, text=True).splitlines()
    return [line for line in lines if not line.startswith('"POT-Creation-Date')]


def test_every_text_is_translated_into_french(tmp_path: Path, settings):
    for name in SOURCES:
        shutil.copytree(ROOT / name, tmp_path / name)
    words = [sys.executable, "-m", "django", *COLLECT]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "vmoodle_site.settings",
        "VMOODLE_ENV_FILE": os.devnull,
        "VMOODLE_SECRET_KEYS": ",".join(settings.VMOODLE_SECRET_KEYS),
        "SECRET_KEY": settings.SECRET_KEY,
    }

    subprocess.run(words, cwd=tmp_path, env=environment, check=True)
    left = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.py.py")}
    told = subprocess.run(
        ["msgfmt", "--check-format", "--statistics", "-o", os.devnull, CATALOGUE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
    )

    assert texts(tmp_path / CATALOGUE) == texts(ROOT / CATALOGUE), (
        f"run manage.py {' '.join(COLLECT)} and translate what it adds"
    )
    assert left == set()  # of what is written for xgettext
    # Neither fuzzy nor untranslated ones.
    assert told.stderr.rstrip().endswith(" translated messages.")
    assert "," not in told.stderr


def test_what_was_compiled_is_newer_than_the_catalogue():
    compiled = (ROOT / CATALOGUE).with_suffix(".mo")

    assert compiled.stat().st_mtime >= (ROOT / CATALOGUE).stat().st_mtime
