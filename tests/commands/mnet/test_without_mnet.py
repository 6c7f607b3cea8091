"""Moodle 5.0 has no MNet any more: every command of MNet skips its sites."""

import re
import shutil
from pathlib import Path

import pytest

from commands.base import all_commands
from commands.models import Job
from tenants.models import Release, Tenant
from tests.commands.system.conftest import job_of
from tests.conftest import AddTenant, RunOf

COMMANDS = {
    command.name() for command in all_commands() if command.category() == "mnet"
}
NEEDED = {"mnet/SetNetwork": "network=1"}


@pytest.fixture
def on_five(add_tenant: AddTenant, releases, tmp_path: Path) -> Tenant:
    """Return a tenant on a tree whose version says 5.0, as a site of that has it."""
    tree = shutil.copytree(releases["4.3"].path, tmp_path / "5.0", symlinks=True)
    (tree / "mnet").mkdir()
    (tree / "mnet/lib.php").touch()  # 5.0 has the library still, but no auth/mnet
    text = (tree / "version.php").read_text()
    for name, value in (
        ("version", "2025041400.00"),
        ("release", "'5.0 (Build: 20250414)'"),
        ("branch", "'500'"),
    ):
        text = re.sub(rf"(\${name}\s*=\s*)[^;]+", rf"\g<1>{value}", text)
    (tree / "version.php").write_text(text)
    release = Release(name="five", path=str(tree))
    release.refresh()
    assert release.branch == "500"
    tenant = add_tenant("one", install=False)
    tenant.pin(release)
    return tenant


def test_every_command_leaves_a_site_of_5_0_alone(on_five: Tenant, finished: RunOf):
    assert len(COMMANDS) == 6

    for name in COMMANDS:
        job = job_of(finished(name, [on_five], NEEDED.get(name, "")))

        assert (job.state, job.error) == (
            Job.State.SKIPPED,
            "the code of five has no MNet, which Moodle has up to 4.5",
        ), name
