"""Sites in the states an upgrade may find, and somebody who visits them."""

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.models import Job, Run
from commands.upgrade.upgrade import Upgrade
from tenants import moodledb, php
from tenants.lifecycle import databases
from tenants.models import Release, Tenant
from tests.moodle.fleet import answers
from tests.patience import PATIENCE, eventually

UPGRADE = "upgrade/Upgrade"
SCRIPT = "admin/cli/upgrade.php"


def job_of(run: Run) -> Job:
    return run.jobs.select_related("tenant__release").get()


def drive(tenant: Tenant, attributes: str = "to_release=4.3") -> Upgrade:
    """Return a job's command, whose steps the test takes itself."""
    form = Upgrade.from_attributes(attributes)
    assert form.is_valid()
    form.job = 1
    return form


@pytest.fixture
def pinned(tenant: Tenant, releases: dict[str, Release]) -> Tenant:
    """Return a tenant of 4.2 that is pinned to 4.3: its upgrade is pending."""
    tenant.pin(releases["4.3"])
    return tenant


def set_config(tenant: Tenant, name: str, value: object) -> None:
    table = moodledb.table(tenant, "config")
    sql = f"REPLACE INTO {table} (name, value) VALUES (%s, %s)"
    moodledb.execute(tenant.server, sql, [name, str(value)])


def config(tenant: Tenant, name: str) -> str | None:
    return moodledb.config_of(tenant, [name]).get(name)


def kill_an_upgrade(tenant: Tenant, release: Release) -> None:
    """Leave the site as an upgrade that was killed half way leaves it."""
    tenant.pin(release)
    set_config(tenant, "sandbox_upgrade_seconds", 60)
    steps = php.run(tenant, SCRIPT, ["--non-interactive"])
    for line in steps:
        if line and "-->auth_" in line:
            break
    steps.close()
    moodledb.forget_config(tenant, "sandbox_upgrade_seconds")
    assert int(config(tenant, "upgraderunning") or 0) > time.time()


def replace_script(release: Release, script: str, body: str) -> None:
    """Put another script, which knows its tenant, in the place of Moodle's."""
    start = "<?php define('CLI_SCRIPT', true); require __DIR__ . '/../../config.php';"
    Path(release.path, script).write_text(f"{start}\n{body}\n")


class Visitor:
    """Somebody who visits the sites, by PHP's own web server: one for each tree."""

    def __init__(self) -> None:
        self.servers: dict[str, tuple[int, subprocess.Popen[bytes]]] = {}

    def status(self, tenant: Tenant) -> int:
        """Return the status of the login page in the tree the tenant is pinned to."""
        release = Tenant.objects.select_related("release").get(pk=tenant.pk).release
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port(release.path)}/login/index.php",
            headers={"Host": tenant.wwwroot.partition("://")[2]},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code

    def port(self, tree: str) -> int:
        if tree not in self.servers:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            process = subprocess.Popen(
                ["php", "-S", f"127.0.0.1:{port}", "-t", tree],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.servers[tree] = port, process
            eventually(lambda: answers(port), "PHP's web server does not start")
        return self.servers[tree][0]

    def leave(self) -> None:
        for _port, process in self.servers.values():
            process.kill()
            process.wait()


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    found = Visitor()
    yield found
    found.leave()


def tables(tenant: Tenant) -> dict[str, list[tuple]]:
    """Return what every table of the site holds, but for what a purge counts."""
    names = databases.table_sizes(tenant.server, tenant.db_name)
    ask = f"SELECT * FROM `{tenant.db_name}`.`{{}}` ORDER BY 1"
    return {
        name: [
            row
            for row in moodledb.query(tenant.server, ask.format(name))
            if not str(row[1]).endswith("rev")
        ]
        for name in names
    }
