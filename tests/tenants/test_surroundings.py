import os
import runpy
import shutil
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from tenants import surroundings
from tenants.surroundings import check_settings


def test_good_settings_need_nothing():
    assert check_settings() == []


@pytest.mark.parametrize(
    ("name", "value", "number", "sentence"),
    [
        ("VMOODLE_CONSOLE_URL", "console.example.org", "E001", "is no URL"),
        ("VMOODLE_CONSOLE_URL", "", "E001", "is no URL"),
        ("VMOODLE_WEB_ADDRESS", "http://a:b", "E001", "is no URL"),
        ("VMOODLE_WORKERS", 0, "E002", "VMOODLE_WORKERS is 0"),
        ("VMOODLE_PURGE_DAYS", -1, "E002", "VMOODLE_PURGE_DAYS is -1"),
        ("VMOODLE_RUN_DAYS", -1, "E002", "VMOODLE_RUN_DAYS is -1"),
        ("VMOODLE_SECRET_KEYS", ["short"], "E003", "no Fernet key"),
        ("VMOODLE_TRUSTED_PROXIES", ["10.0.0.0/8"], "E004", "is not an IP address"),
        ("VMOODLE_FORCED_SETTINGS", {"dbname": "x"}, "E004", "cannot force dbname"),
        ("VMOODLE_WEB_USER", "nobody-here", "E005", "there is no nobody-here"),
        ("VMOODLE_WEB_GROUP", "nobody-here", "E005", "there is no nobody-here"),
        ("VMOODLE_BOOT_DIR", Path("boot"), "W001", "is not absolute"),
        ("VMOODLE_BOOT_DIR", Path("/proc/version/x"), "W002", "cannot be written"),
        ("VMOODLE_DATA_ROOT", Path("/"), "W003", "lies in VMOODLE_DATA_ROOT"),
    ],
)
def test_what_is_wrong_is_told(settings, name: str, value, number: str, sentence: str):
    setattr(settings, name, value)

    [found] = [f for f in check_settings() if f.id == f"vmoodle.{number}"]
    assert sentence in found.msg


def test_a_missing_program_is_told(monkeypatch):
    monkeypatch.setattr(surroundings, "PROGRAMS", ("php", "no-such-program"))

    [found] = check_settings()

    assert found.msg == "programs that tenants need are missing: no-such-program"
    assert "bin/install" in found.hint


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_root_at_the_work_of_another_user_is_told(settings, tmp_path: Path):
    settings.VAR_DIR = tmp_path
    shutil.chown(tmp_path, user="nobody")

    [found] = check_settings()

    assert found.msg == "this runs as root, and VMOODLE_VAR_DIR belongs to nobody"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("VMOODLE_ENV_FILE", "/tmp", "/tmp cannot be read (Is a directory): run"),
        ("VMOODLE_VAR_DIR", "/proc/version/x", "/proc/version/x cannot be made (Not a"),
    ],
)
def test_a_start_without_its_files_is_told(monkeypatch, name, value, sentence: str):
    monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured) as told:
        runpy.run_path(str(django_settings.BASE_DIR / "vmoodle_site/settings.py"))

    assert sentence in str(told.value)
