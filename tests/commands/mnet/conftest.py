from typing import Any

import pytest

from tests.mnet.conftest import network, with_mnet

__all__ = ["network", "with_mnet"]


@pytest.fixture
def asked(asked: dict[str, Any]) -> dict[str, Any]:
    """As the agent that `asked` replaces; what was to be changed is so already."""
    asked["answer"] = lambda *_asked: {"changed": []}
    return asked
