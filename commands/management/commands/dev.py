import os
import signal
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError

from commands.cli import BAD_USE
from commands.shell.strict import StrictCommand

LAST_PORT = 65535


class Command(StrictCommand):
    help = """Run the console and its workers together, for one person.

    Stop with Ctrl-C. On a server use the units in deploy/ instead."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-web", action="store_true", help="Workers only.")

    def handle(self, *, port: int, no_web: bool, **options: Any) -> None:
        if not 0 < port <= LAST_PORT:
            said = f"--port {port}: give one from 1 to {LAST_PORT}"
            raise CommandError(said, returncode=BAD_USE)
        call_command("migrate", verbosity=0)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
            signal.signal(signal.SIGHUP, lambda *_: sys.exit(0))
        web = [] if no_web else [["runserver", "--noreload", f"127.0.0.1:{port}"]]
        children: list[int] = []
        try:
            for words in [["worker", "control"], ["worker", "jobs"], *web]:
                children.append(spawn(words))
            pid = wait_for_one(children)
            children.remove(pid)
            raise CommandError("A part of it ended, so all of it was stopped")
        except KeyboardInterrupt:
            self.stderr.write("Stopping")
        finally:
            stop(children)


def spawn(words: list[str]) -> int:
    """Start a management command in a session of its own; return its pid.

    A signal to a whole group would hang the cluster: only leaders get one. They are
    asked to stop as well when we are killed.
    """
    argv = ["setpriv", "--pdeathsig", "TERM", sys.executable, sys.argv[0], *words]
    env = {"DEBUG": "true", **os.environ}
    return os.posix_spawnp(argv[0], argv, env, setsid=True)


def wait_for_one(children: list[int]) -> int:
    while True:
        for child in children:
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                return child
        time.sleep(0.2)


def stop(children: list[int]) -> None:
    """Ask all to stop, then wait for each: running jobs are finished first."""
    for child in children:
        os.kill(child, signal.SIGTERM)
    for child in children:
        os.waitpid(child, 0)
