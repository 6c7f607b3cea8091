"""Scripts of Moodle's that the sandbox does not ship, put there by a test."""

from pathlib import Path

import pytest

from commands.base import Command
from commands.models import Job, Run
from tenants import moodledb
from tenants.models import Tenant
from tests.conftest import AddTenant

ARGUMENTS = "foreach (array_slice($_SERVER['argv'], 1) as $word) echo \"$word\\n\";"


@pytest.fixture
def bare(add_tenant: AddTenant) -> Tenant:
    """Return a tenant without a site, whose scripts a test puts there: made faster."""
    return add_tenant("one", install=False)


def complaints(command: type[Command], attributes: str) -> list[str]:
    """Return what the command says of its parameters."""
    form = command.from_attributes(attributes)
    return [
        f"{field}: {error}" for field, errors in form.errors.items() for error in errors
    ]


def put_script(tenant: Tenant, script: str, body: str = "") -> None:
    """Put a script into the tenant's tree: it prints its options, then does `body`."""
    path = Path(tenant.release.path, script)
    path.parent.mkdir(parents=True, exist_ok=True)
    config = f"require '{tenant.release.path}/config.php';"
    path.write_text(
        f"<?php define('CLI_SCRIPT', true); {config}\n{ARGUMENTS}\n{body}\n"
    )


def job_of(run: Run) -> Job:
    return run.jobs.get()


def options_of(job: Job) -> list[str]:
    """Return the options that a script which was put there has printed."""
    return [line for line in job.text()[0].splitlines() if line.startswith("-")]


def sql(tenant: Tenant, statement: str, *values: object) -> None:
    """Change the site's database; `{name}` is a table of it."""
    names = {
        word: moodledb.table(tenant, word)
        for word in ("config_plugins", "task_scheduled", "task_adhoc")
    }
    moodledb.execute(tenant.server, statement.format(**names), values)


def set_plugin_config(tenant: Tenant, plugin: str, name: str, value: object) -> None:
    sql(
        tenant,
        "REPLACE INTO {config_plugins} (plugin, name, value) VALUES (%s, %s, %s)",
        plugin,
        name,
        str(value),
    )
