"""A Redis server of a test's own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.moodle.fleet import answers, free_port
from tests.patience import PATIENCE, eventually


@contextmanager
def redis_server(directory: Path) -> Iterator[int]:
    """Run one; yield its port. Skip the test where it or PHP's extension is missing."""
    program = shutil.which("redis-server")
    if not program or not list(Path("/etc/php").glob("*/cli/conf.d/*-redis.ini")):
        pytest.skip("redis-server and php-redis are needed: run bin/install --dev")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen(
        [program, *options, "--dir", str(directory)], stdout=subprocess.DEVNULL
    )
    try:
        eventually(lambda: answers(port), "redis-server did not start")
        yield port
    finally:
        server.terminate()
        server.wait(PATIENCE)


def keys(port: int) -> list[str]:
    """Return what the server keeps."""
    argv = ["redis-cli", "-p", str(port), "KEYS", "*"]
    told = subprocess.run(argv, capture_output=True, text=True, check=True)
    return told.stdout.split()
