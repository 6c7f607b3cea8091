"""The examples in docstrings are true."""

import doctest
from types import ModuleType

import pytest

from tenants import bound, selection
from tenants.serving import boot
from tenants.sql import condition


@pytest.mark.parametrize(
    "module", [boot, bound, selection, condition], ids=lambda it: it.__name__
)
def test_the_examples_are_true(module: ModuleType):
    failed, tried = doctest.testmod(module)

    assert failed == 0
    assert tried > 0
