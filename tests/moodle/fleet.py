"""A fleet of real Moodles with a registry of its own, used from outside.

Everything is done as an operator does it, by `manage.py` in another process; its
answers, the sites' pages and their databases tell what happened.
"""

import fcntl
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.conftest import ROOT, MariaDb
from tests.patience import PATIENCE, eventually


def moodle_trees() -> list[Path]:
    """Return the real Moodle trees of this machine, the oldest first."""
    given = os.environ.get("MOODLE_DIRS", "")
    paths = map(Path, given.split(":")) if given else Path("/opt/moodle").glob("*")
    trees = (path for path in paths if (path / "version.php").is_file())
    return sorted(trees, key=version)


def version(tree: Path) -> float:
    """Return the version of a Moodle tree, 0 when it has none."""
    text = (tree / "version.php").read_text(encoding="utf-8")
    found = re.search(r"^\s*\$version\s*=\s*([\d.]+)", text, re.M)
    return float(found[1]) if found else 0.0


def near(tree: Path, shared: Path) -> Path:
    """Return a copy of a tree, made once for all processes, to be copied by links.

    It is never written to, as the tree itself.
    """
    target = shared / "trees" / str(version(tree))
    target.parent.mkdir(exist_ok=True)
    with (shared / "trees/lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not target.exists():
            copy_tree(tree.resolve(), target)
    return target


def copy_tree(source: Path, target: Path) -> None:
    """Copy it by links; really, on another file system or if they are not ours."""
    if source.stat().st_dev == target.parent.stat().st_dev:
        argv = ["cp", "-al", source, target]
        if subprocess.run(argv, check=False, capture_output=True).returncode == 0:
            return
        shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", source, target], check=True)


def url(name: str) -> str:
    return f"http://{name}.example.org"


@dataclass
class Fleet:
    """Tenants on the releases `old`, `new` and `broken`, and their web servers."""

    home: Path
    mariadb: MariaDb
    environment: dict[str, str]
    ports: dict[Path, int] = field(default_factory=dict)
    servers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)  # of the first upgrade
    clerk: "subprocess.Popen[str] | None" = None  # does what registry.py can
    turn: Lock = field(default_factory=Lock)  # to ask it

    def tree(self, release: str) -> Path:
        return self.home / "trees" / release

    def data(self, name: str) -> Path:
        return self.home / "data" / name

    def in_maintenance(self, name: str) -> bool:
        return (self.data(name) / "climaintenance.html").exists()

    def start(
        self, *words: str, stdin: int = subprocess.DEVNULL
    ) -> "subprocess.Popen[str]":
        """Start a Python program, such as `manage.py`, that sees the registry."""
        return subprocess.Popen(
            [sys.executable, *words],
            env=self.environment,
            cwd=ROOT,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def manage(self, *words: str, code: int = 0, patience: float = PATIENCE) -> str:
        """Return what a management command prints, having ended with this code."""
        process = self.start("manage.py", *words)
        out, err = process.communicate(timeout=patience)
        assert process.returncode == code, out + err
        return out + err

    def bulkupgrade(self, release: str, *names: str, code: int = 0) -> dict[str, Any]:
        """Upgrade tenants by the workers; return the report."""
        process = self.start("manage.py", *bulkupgrade(release, *names))
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, out + err + self.last_output()
        return json.loads(out)

    def last_output(self) -> str:
        """Return the end of what the last job printed."""
        latest = "SELECT text FROM commands_output ORDER BY id DESC LIMIT 1"
        return "".join(text for (text,) in self.in_registry(latest))[-3000:]

    def version(self, name: str) -> float:
        """Return the version of the site; Moodle stores it as PHP prints a float."""
        return float(self.config(name, "version"))

    def pin(self, name: str, release: str) -> None:
        self.registry("pin", name, release)

    def registry(self, *words: str) -> None:
        """Do in the registry what has no management command yet."""
        with self.turn:
            if self.clerk is None:  # to start it takes longer than any step
                argv = ("-m", "tests.moodle.registry")
                self.clerk = self.start(*argv, stdin=subprocess.PIPE)
            assert self.clerk.stdin and self.clerk.stdout
            self.clerk.stdin.write(json.dumps(words) + "\n")
            self.clerk.stdin.flush()
            answer = self.clerk.stdout.readline()
            assert answer == '""\n', answer or self.clerk.communicate()[1][-3000:]

    def in_registry(self, statement: str) -> list[tuple]:
        path = f"file:{self.home}/var/registry.sqlite3?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as connection:
            return connection.execute(statement).fetchall()

    def sql(self, statement: str, database: str = "") -> str:
        """Return what the server answers, one row a line."""
        argv = ["mariadb", "--no-defaults", "-N", f"--socket={self.mariadb.socket}"]
        done = subprocess.run(
            [*argv, "-e", statement, database],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def config(self, name: str, setting: str) -> str:
        """Return a row of the site's `config`, "" when it is not there."""
        where = f"name = '{setting}'"
        return self.sql(f"SELECT value FROM mdl_config WHERE {where}", f"moodle_{name}")

    def page(self, name: str) -> tuple[int, str]:
        """Return status and text of the login page, from the tree of the tenant.

        The tree is where the tenant's site link leads, as a web server would find it.
        """
        link = self.home / "var/sites" / f"{name}.example.org"
        return self.page_of(link.readlink(), name)

    def page_of(self, tree: Path, name: str) -> tuple[int, str]:
        request = Request(f"http://127.0.0.1:{self.served(tree)}/login/index.php")
        request.add_header("Host", f"{name}.example.org")
        try:
            with urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def served(self, tree: Path) -> int:
        """Return the port of PHP's own web server on a tree; start it if need be."""
        if tree not in self.ports:
            port = self.ports[tree] = free_port()
            server = subprocess.Popen(
                ["php", "-S", f"127.0.0.1:{port}", "-t", str(tree)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.servers.append(server)
            eventually(lambda: answers(port), "PHP's web server did not start")
        return self.ports[tree]

    def stop(self) -> None:
        """End the processes that go on."""
        if self.clerk:
            self.clerk.communicate(timeout=PATIENCE)
        for server in self.servers:
            server.terminate()
            server.wait(PATIENCE)


def bulkupgrade(release: str, *names: str) -> list[str]:
    """Return the words that upgrade these tenants to a release."""
    hosts = ",".join(url(name) for name in names)
    return ["bulkupgrade", f"--to-release={release}", f"--tohosts={hosts}", "--json"]


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
