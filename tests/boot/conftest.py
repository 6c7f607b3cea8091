from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.boot import fpm as php_fpm
from tests.boot.fleet import make_tree


@pytest.fixture
def tree(tmp_path: Path, directories: None) -> Path:
    return make_tree(tmp_path / "4.3")


@pytest.fixture(scope="session")
def fpm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[php_fpm.Fpm]:
    if not php_fpm.program():
        pytest.skip("php-fpm is not installed")
    with php_fpm.running(tmp_path_factory.mktemp("fpm")) as server:
        yield server
