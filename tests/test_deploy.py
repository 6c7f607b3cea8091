"""The units of systemd do what they say: what of it no `systemd-analyze` reads."""

import re
import time

import pytest

from tests.conftest import ROOT

WATCHDOG = (ROOT / "deploy/vmoodle-watchdog.service").read_text()


@pytest.mark.django_db
def test_the_watchdog_fails_when_the_workers_do_no_work(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    [code] = re.findall(r'--command \\\n\s+"(.+?)"', WATCHDOG, re.DOTALL)

    with pytest.raises(SystemExit, match="worker"):
        exec(re.sub(r"\\\n\s+", "", code), {})  # noqa: S102
