"""A private php-fpm, asked by FastCGI: every parameter is the test's."""

import json
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE, eventually

CONFIG = """
[global]
error_log = {dir}/error.log
daemonize = no
[www]
listen = {dir}/fpm.sock
listen.mode = 0666
pm = static
pm.max_children = 4
"""
# OPcache never looks at a file again: the hardest case for what is published.
INI = {
    "opcache.enable": "1",
    "opcache.validate_timestamps": "0",
    "opcache.file_update_protection": "0",
    "display_errors": "1",
    "error_reporting": "-1",
}
# What a refusal must not tell.
SECRETS = ("moodle_one", "db.example.org", "secret", "/srv/", "tmp", ".php", "Warning")


def program() -> str | None:
    found = sorted(Path("/usr/sbin").glob("php-fpm*"))
    return shutil.which("php-fpm") or (str(found[-1]) if found else None)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def page(self) -> Any:
        assert self.status == 200, self
        return json.loads(self.body)


@contextmanager
def running(
    directory: Path, openssl: Path | None = None, **ini: str
) -> Iterator["Fpm"]:
    """Run it, with the settings of OpenSSL that its service is given, and of PHP."""
    directory.chmod(0o711)
    (directory / "fpm.conf").write_text(CONFIG.format(dir=directory))
    options = [
        part for item in (INI | ini).items() for part in ("-d", "{}={}".format(*item))
    ]
    process = subprocess.Popen(
        [str(program()), "-F", "-R", "-y", str(directory / "fpm.conf"), *options],
        env=os.environ | ({"OPENSSL_CONF": str(openssl)} if openssl else {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        fpm = Fpm(directory / "fpm.sock")

        def ready() -> bool:
            assert process.poll() is None, (directory / "error.log").read_text()
            return fpm.answers()

        eventually(ready, "it does not answer")
        yield fpm
    finally:
        process.terminate()
        process.wait(PATIENCE)


class Fpm:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def answers(self) -> bool:
        """Whether it listens; its socket is there a moment before."""
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(self.path) == 0

    def get(
        self, tree: Path, host: str | None, script: str = "/index.php", **params: str
    ) -> Answer:
        """Ask for a script of a tree, as nginx would on port 443."""
        name = params.pop("SCRIPT_NAME", script)
        sent = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_FILENAME": str(tree) + script,
            "SCRIPT_NAME": name,
            "REQUEST_URI": name,
            "SERVER_PORT": "443",
            "SERVER_NAME": "~^any$",
            "REMOTE_ADDR": "192.0.2.9",
            **({} if host is None else {"HTTP_HOST": host}),
            **params,
        }
        return _parsed(self._ask(sent))

    def _ask(self, params: dict[str, str]) -> bytes:
        data = b"".join(
            struct.pack(">II", len(n) | 1 << 31, len(v) | 1 << 31) + n + v
            for n, v in (
                (name.encode(), value.encode("latin-1"))
                for name, value in params.items()
            )
        )
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(self.path)
            client.sendall(
                _record(1, struct.pack(">HB5x", 1, 0))
                + _record(4, data)
                + _record(4, b"")
                + _record(5, b"")
            )
            with client.makefile("rb") as stream:
                return b"".join(_output(stream))


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack(">BBHHBx", 1, kind, 1, len(data), 0) + data


def _output(stream: Any) -> Iterator[bytes]:
    while head := stream.read(8):
        _, kind, _, length, padding = struct.unpack(">BBHHBx", head)
        data = stream.read(length + padding)[:length]
        if kind == 6:
            yield data
        if kind == 3:
            return


def _parsed(output: bytes) -> Answer:
    head, _, body = output.partition(b"\r\n\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (
            line.partition(":") for line in head.decode("latin-1").split("\r\n")
        )
    }
    status = int(headers.pop("status", "200").split()[0])
    return Answer(status, headers, body.decode())


def refused(answer: Answer, status: int) -> None:
    """Check a refusal: its status, not cached, short, and telling nothing."""
    assert answer.status == status, answer
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("text/html")
    assert ("retry-after" in answer.headers) == (status == 503)
    assert len(answer.body) < 200
    assert not [word for word in SECRETS if word in answer.body]


def served(answer: Answer, wwwroot: str | None) -> None:
    """Check which tenant a page is of; None: of no one, and it is not found."""
    if wwwroot is None:
        refused(answer, 404)
    else:
        assert answer.page["cfg"]["wwwroot"] == wwwroot
