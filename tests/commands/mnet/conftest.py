from typing import Any

import pytest

from mnet import webphp
from mnet.models import WebPhp
from tests.mnet.conftest import network, with_mnet

__all__ = ["network", "with_mnet"]


@pytest.fixture
def asked(asked: dict[str, Any]) -> dict[str, Any]:
    """As the agent that `asked` replaces; what was to be changed is so already."""
    asked["answer"] = lambda *_asked: {"changed": []}
    return asked


@pytest.fixture(autouse=True)
def web(monkeypatch) -> dict[str, tuple[str, str]]:
    """Let sites be served by a PHP with RC4, or with what a test says of a wwwroot."""
    said: dict[str, tuple[str, str]] = {}

    def ask(site, *_how):
        return said.get(site.tenant.wwwroot, (WebPhp.Opens.YES, ""))

    monkeypatch.setattr(webphp, "_ask", ask)
    return said
