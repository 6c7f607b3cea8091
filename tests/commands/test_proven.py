from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.base import CommandFailed, Json
from commands.proven import ProvenScript
from tenants.models import Tenant
from tests.commands.system.conftest import put_script

pytestmark = pytest.mark.django_db
SCRIPT = "admin/cli/purge_caches.php"


class Purge(ProvenScript):
    """Heed what the script says."""

    script = SCRIPT
    heeds = r"^done: "

    def prove(self, tenant: Tenant, code: int) -> Json:
        if not self.heard:
            raise CommandFailed("it says nothing")
        return [*self.heard, code]


def follow(steps: Iterator[str | None]) -> tuple[list[str], Json]:
    lines = []
    while True:
        try:
            line = next(steps)
        except StopIteration as end:
            return lines, end.value
        lines += [line] if line else []


def command() -> Purge:
    form = Purge.from_attributes("")
    assert form.is_valid()
    return form


def test_what_is_heeded_is_kept_and_all_is_handed_on(tenant: Tenant):
    put_script(tenant, SCRIPT, 'echo "done: 1\\nand so on\\n done: 2\\ndone: 3\\n";')

    lines, result = follow(command().run(tenant))

    assert lines == ["done: 1", "and so on", " done: 2", "done: 3"]
    assert result == ["done: 1", "done: 3", 0]


def test_an_exit_code_of_zero_is_not_believed(tenant: Tenant):
    put_script(tenant, SCRIPT, "exit(0);")

    with pytest.raises(CommandFailed, match="it says nothing"):
        follow(command().run(tenant))


def test_a_script_that_is_left_is_stopped(tenant: Tenant):
    body = 'echo getmypid(), "\\n"; flush(); sleep(60);'
    put_script(tenant, SCRIPT, body)
    steps = command().run(tenant)
    pid = next(line for line in steps if line)

    steps.close()

    assert not Path("/proc", pid).exists()
