"""Real web servers on a port of their own, with the configuration that we make."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from tests.moodle.fleet import answers, free_port
from tests.patience import PATIENCE, eventually

NGINX = """
user root;
worker_processes 1;
daemon off;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{ worker_connections 64; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path {home}/body;
    fastcgi_temp_path {home}/fastcgi;
    include {home}/fleet.conf;
}}
"""
APACHE = """
ServerRoot {home}
PidFile {home}/apache.pid
ErrorLog {home}/error.log
DefaultRuntimeDir {home}
Mutex file:{home} default
ServerName localhost
User www-data
Group {group}
DocumentRoot {home}/none
{modules}
TypesConfig /etc/mime.types
<Directory />
    Require all denied
</Directory>
Include {home}/fleet.conf
"""
MODULES = [
    "mpm_event",
    "authz_core",
    "dir",
    "mime",
    "rewrite",
    "proxy",
    "proxy_fcgi",
    "ssl",
    "socache_shmcb",
]
SERVERS = {"nginx": "nginx", "apache": "apache2"}


def program(server: str) -> str:
    """Return where a server is installed; skip the test if it is not."""
    found = shutil.which(SERVERS[server], path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if not found:
        pytest.skip(f"{server} is not installed")
    return found


def argv(server: str, home: Path, text: str) -> list[str]:
    """Return the command that runs a server in the foreground."""
    found = program(server)
    (home / "fleet.conf").write_text(text)
    (home / "none").mkdir(exist_ok=True)
    modules = Path("/usr/lib/apache2/modules")
    load = [f"LoadModule {m}_module {modules}/mod_{m}.so" for m in MODULES]
    frame = {"nginx": NGINX, "apache": APACHE}[server]
    conf = home / "server.conf"
    conf.write_text(frame.format(home=home, modules="\n".join(load), group="root"))
    if server == "nginx":
        return [found, "-e", str(home / "error.log"), "-c", str(conf)]
    return [found, "-f", str(conf), "-DFOREGROUND"]


def complaints(server: str, home: Path, text: str) -> str:
    """Return what the server's own check has against a configuration."""
    done = subprocess.run(
        [*argv(server, home, text), "-t"], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@dataclass
class Server:
    port: int

    def get(self, host: str, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
        return self.ask("GET", host, path, None, headers)

    def ask(self, method: str, host: str, path: str, body: str | None, headers: dict):
        headers = {"Host": f"{host}:{self.port}", **headers}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer, answer.read()


@contextmanager
def running(server: str, home: Path, text: str, port: int) -> Iterator[Server]:
    """Run it with this configuration, on this port alone."""
    for parent in (home, *home.parents[:-2]):  # Apache never works as root
        parent.chmod(parent.stat().st_mode | 0o011)
    kept = [
        line
        for line in text.splitlines()
        if not line.strip().startswith(("listen 80 ", "listen [::]:80 ", "listen 80;"))
        and "listen [::]:80;" not in line
    ]
    with (home / "said").open("wb") as said:
        process = subprocess.Popen(
            argv(server, home, "\n".join(kept)), stdout=said, stderr=said
        )
    try:

        def ready() -> bool:
            assert process.poll() is None, (home / "said").read_text()
            return answers(port)

        eventually(ready, "it does not answer")
        yield Server(port)
    finally:
        process.terminate()
        process.wait(PATIENCE)


__all__ = ["Server", "complaints", "free_port", "program", "running"]
