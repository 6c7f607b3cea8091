import time
from pathlib import Path

import pytest

from commands.models import Job, Run
from commands.tasks import lane
from commands.upgrade.upgrade import Upgrade
from tenants import databases, files, moodledb
from tenants.models import DatabaseServer, Release, Snapshot, Tenant
from tenants.publish import site_link
from tests.commands.upgrade.conftest import (
    Visitor,
    config,
    kill_an_upgrade,
    replace_script,
    set_config,
)
from tests.conftest import AddTenant, RunOf
from tests.faults.conftest import cron_at_work

UPGRADE = "upgrade/Upgrade"
SCRIPT = "admin/cli/upgrade.php"


def job_of(run: Run) -> Job:
    return run.jobs.select_related("tenant__release").get()


def drive(tenant: Tenant, attributes: str = "to_release=4.3") -> Upgrade:
    form = Upgrade.from_attributes(attributes)
    assert form.is_valid()
    form.job = 1
    return form


@pytest.fixture
def pinned(tenant: Tenant, releases: dict[str, Release]) -> Tenant:
    """Return a tenant of 4.2 that is pinned to 4.3: its upgrade is pending."""
    tenant.pin(releases["4.3"])
    return tenant


def test_an_upgrade_brings_the_site_to_the_new_release(finished: RunOf, tenant: Tenant):
    run = finished(UPGRADE, [tenant], "to_release=4.3")

    job = job_of(run)
    assert (job.state, job.exit_code) == (Job.State.SUCCEEDED, None)
    assert job.result == {"before": "2023042400", "after": "2023100900"}
    assert config(tenant, "release") == "4.3 (Build: 20231009)"
    assert config(tenant, "upgraderunning") is None
    assert job.tenant.up_to_date is True


def test_an_upgrade_shows_what_moodle_prints(finished: RunOf, tenant: Tenant):
    run = finished(UPGRADE, [tenant], "to_release=4.3")

    text = job_of(run).text()[0]
    steps = [line for line in text.splitlines() if line.startswith("== ")]
    assert steps == [f"== {step.replace('_', ' ')}" for step in Upgrade.recipe]
    assert "-->System" in text
    assert "(2023100900) completed successfully." in text


def test_the_pin_is_flipped_and_the_caches_are_cleared(
    finished: RunOf, tenant: Tenant, settings
):
    for name in files.CACHES:
        stale = Path(tenant.data_path, name, "deep", "of-the-old-tree")
        stale.parent.mkdir(parents=True)
        stale.touch()

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3"))

    assert job.tenant.release.name == "4.3"
    assert not list(Path(tenant.data_path).rglob("of-the-old-tree"))
    site = settings.VMOODLE_SITES_DIR / "one.example.org"
    assert site.resolve() == Path(job.tenant.release.path)


def test_nobody_cancels_it_between_the_pin_and_the_upgrade(tenant: Tenant):
    form = drive(tenant)
    steps = form.run(tenant)
    while next(steps) != "== flip":
        assert form.interruptible

    said = next(steps)

    assert (said, form.interruptible) == ("Pinned to release 4.3", False)
    assert list(steps)
    assert form.interruptible


def test_without_a_release_to_go_to_the_pin_stays(finished: RunOf, pinned: Tenant):
    kept = Path(pinned.data_path, "cache", "kept")
    kept.parent.mkdir(exist_ok=True)
    kept.touch()

    job = job_of(finished(UPGRADE, [pinned]))

    assert (job.state, job.tenant.release.name) == (Job.State.SUCCEEDED, "4.3")
    assert kept.exists()


def test_the_site_answers_503_only_while_it_is_upgraded(
    tenant: Tenant, visitor: Visitor
):
    assert visitor.status(tenant) == 200
    seen: dict[str, int] = {}
    for line in drive(tenant).run(tenant):
        if line and (line.startswith(("== ", "-->"))):
            seen[line] = visitor.status(tenant)

    assert seen.pop("== check") == 200
    assert seen.pop("== close site") == 200
    assert len(seen) > 6
    assert set(seen.values()) == {503}
    assert visitor.status(tenant) == 200


def test_tenants_that_are_up_to_date_are_skipped_without_a_job_being_run(
    run_of: RunOf, tenant: Tenant, add_tenant: AddTenant
):
    other = add_tenant("two", "4.3")

    run = run_of(UPGRADE, [tenant, other], "to_release=4.3")

    skipped = run.jobs.get(tenant=other)
    assert (skipped.state, skipped.worker) == (Job.State.SKIPPED, "")
    assert skipped.error == "up to date: 4.3 (Build: 20231009)"
    assert run.jobs.get(tenant=tenant).state == Job.State.QUEUED


def test_a_tenant_that_somebody_upgraded_meanwhile_is_skipped(
    run_of: RunOf, finished: RunOf, tenant: Tenant
):
    first = run_of(UPGRADE, [tenant], "to_release=4.3")
    finished(UPGRADE, [tenant], "to_release=4.3")

    lane(first.pk)

    job = job_of(first)
    assert (job.state, job.error) == ("skipped", "up to date: 4.3 (Build: 20231009)")
    assert "-->" not in job.text()[0]


def test_new_code_in_the_same_place_is_noticed(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release]
):
    plugin = Path(releases["4.2"].path, "mod/quiz/version.php")
    plugin.write_text(plugin.read_text().replace("2023042400", "2023042401"))

    job = job_of(finished(UPGRADE, [tenant]))

    assert job.state == Job.State.SUCCEEDED
    assert "-->mod_quiz" in job.text()[0]


def test_an_upgrade_that_fails_shows_moodle_s_last_lines(
    finished: RunOf, tenant: Tenant, visitor: Visitor
):
    set_config(tenant, "sandbox_upgrade_fails", "Table mdl_forum is marked as crashed")

    run = finished(UPGRADE, [tenant], "to_release=4.3")

    job = job_of(run)
    assert (job.state, job.exit_code) == (Job.State.ROLLED_BACK, 1)
    assert job.error.startswith(f"{SCRIPT} ended with exit code 1: ")
    assert "!!! Table mdl_forum is marked as crashed !!!" in job.error
    assert config(tenant, "upgraderunning") is None
    assert visitor.status(tenant) == 200
    assert job.tenant.held_by is None


def test_an_upgrade_that_fails_before_it_begins_goes_back_to_the_former_release(
    finished: RunOf, tenant: Tenant, releases
):
    replace_script(releases["4.3"], SCRIPT, "echo 'PHP is too old'; exit(1);")

    run = finished("upgrade/Upgrade", [tenant], "to_release=4.3")

    tenant.refresh_from_db()
    assert tenant.release == releases["4.2"]
    assert site_link(tenant.key).resolve() == Path(releases["4.2"].path)
    assert "PHP is too old" in run.jobs.get().error


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


def test_an_upgrade_that_fails_half_way_is_rolled_back(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release], visitor: Visitor
):
    set_config(tenant, "sandbox_upgrade_fails", "no")
    before = tables(tenant)

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3"))

    assert job.state == Job.State.ROLLED_BACK
    assert job.error.endswith("; the site is what it was before")
    assert tables(tenant) == before
    assert job.tenant.release == releases["4.2"]
    assert site_link(tenant.key).resolve() == Path(releases["4.2"].path)
    assert visitor.status(tenant) == 200
    assert (job.tenant.attention, job.tenant.held_by) == ("", None)
    kept = Snapshot.objects.get(tenant=tenant)
    assert (kept.reason, kept.note) == ("upgrade", "before the upgrade to 4.3")
    assert databases.marked(tenant.server, "vmoodle") == {}


def test_with_one_release_only_a_failed_upgrade_is_rolled_back_as_well(
    finished: RunOf, pinned: Tenant
):
    set_config(pinned, "sandbox_upgrade_fails", "no")
    before = tables(pinned)

    job = job_of(finished(UPGRADE, [pinned]))

    assert job.state == Job.State.ROLLED_BACK
    assert tables(pinned) == before
    assert job.tenant.release.name == "4.3"


LOSE_THE_SNAPSHOT = "echo '-->System', PHP_EOL; array_map('unlink', {}); exit(1);"


def test_a_tenant_that_cannot_be_rolled_back_needs_attention(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release], settings
):
    dumps = f"glob('{settings.VMOODLE_SNAPSHOT_DIR}/*/database/*')"
    script = Path(releases["4.3"].path, SCRIPT)
    works = script.read_text()
    replace_script(releases["4.3"], SCRIPT, LOSE_THE_SNAPSHOT.format(dumps))

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3"))
    script.write_text(works)
    again = job_of(finished(UPGRADE, [tenant]))

    assert (job.state, job.exit_code) == (Job.State.FAILED, 1)
    assert "; and it could not be rolled back: load the snapshot: " in job.error
    assert job.tenant.release == releases["4.3"]
    assert job.tenant.attention.startswith("its upgrade failed half-way: upgrade it")
    assert again.state == Job.State.SUCCEEDED
    assert again.tenant.attention == ""


def test_a_roll_back_that_is_cut_off_leaves_the_site_closed(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release], visitor: Visitor
):
    set_config(tenant, "sandbox_upgrade_fails", "no")
    form = drive(tenant)
    steps = form.run(tenant)
    while next(steps) != "== swap the database":
        pass
    steps.close()

    form.recover(tenant)

    tenant.refresh_from_db()
    assert tenant.release == releases["4.3"]
    assert tenant.is_half_upgraded
    assert visitor.status(tenant) == 503
    set_config(tenant, "sandbox_upgrade_fails", "")
    assert job_of(finished(UPGRADE, [tenant])).state == Job.State.SUCCEEDED
    assert visitor.status(tenant) == 200
    assert databases.marked(tenant.server, "vmoodle") == {}


def test_what_fails_after_the_upgrade_does_not_undo_it(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release]
):
    script = "admin/cli/purge_caches.php"
    replace_script(releases["4.3"], script, "echo 'no room'; exit(1);")

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3&purge_caches=1"))

    assert job.state == Job.State.FAILED
    assert "no room" in job.error
    assert job.tenant.release == releases["4.3"]
    assert config(tenant, "release") == "4.3 (Build: 20231009)"


WITHOUT = "to_release=4.3&without_snapshot=1"


def test_without_a_snapshot_a_failed_upgrade_stays_at_the_new_release(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release]
):
    set_config(tenant, "sandbox_upgrade_fails", "no")

    job = job_of(finished(UPGRADE, [tenant], WITHOUT))

    assert job.state == Job.State.FAILED
    assert job.tenant.release == releases["4.3"]
    assert job.tenant.attention == "its upgrade failed half-way: upgrade it again"
    assert not files.in_maintenance(job.tenant)
    assert not Snapshot.objects.exists()


def test_an_upgrade_that_failed_is_healed_by_the_next(finished: RunOf, tenant: Tenant):
    set_config(tenant, "sandbox_upgrade_fails", "no")
    failed = finished(UPGRADE, [tenant], WITHOUT)
    set_config(tenant, "sandbox_upgrade_fails", "")

    again = failed.retry(Job.BAD, "tester", "shell")
    again.start()
    lane(again.pk)

    job = job_of(again)
    assert job.state == Job.State.SUCCEEDED
    assert "Upgrade not finished, or plugins pending" in job.text()[0]


def test_an_upgrade_that_was_killed_is_healed_by_the_next(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release]
):
    kill_an_upgrade(tenant, releases["4.3"])

    run = finished(UPGRADE, [tenant])

    job = job_of(run)
    text = job.text()[0]
    assert job.state == Job.State.SUCCEEDED, job.error
    assert "Another upgrade seems to run" in text
    assert "that upgrade is dead" in text
    assert job.tenant.up_to_date is True


def test_an_upgrade_that_somebody_else_runs_is_waited_for(
    tenant: Tenant, releases: dict[str, Release], monkeypatch
):
    monkeypatch.setattr("commands.upgrade.upgrade.POLL", 0.05)
    tenant.pin(releases["4.3"])
    set_config(tenant, "upgraderunning", int(time.time()) + 2)
    monkeypatch.setattr("tenants.moodledb.in_use", lambda tenant: True)

    lines = [line for line in drive(tenant, "").check(tenant) if line]

    assert lines == [
        "Another upgrade seems to run: waiting until it ends or its lock lapses",
        "Upgrade pending: 2023042400 -> 2023100900.00",
    ]
    assert config(tenant, "upgraderunning")


def test_a_site_newer_than_the_code_is_refused(finished: RunOf, add_tenant: AddTenant):
    tenant = add_tenant("new", "4.3")

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.2"))

    assert job.state == Job.State.FAILED
    assert job.error == (
        "the site (2023100900) is newer than the code of release 4.2 "
        "(2023042400.00); Moodle cannot go back"
    )
    assert job.tenant.release.name == "4.3"
    assert not files.in_maintenance(tenant)


def test_a_tenant_without_tables_is_refused(finished: RunOf, add_tenant: AddTenant):
    tenant = add_tenant("empty", install=False)

    job = job_of(finished(UPGRADE, [tenant]))

    assert job.state == Job.State.FAILED
    assert f"{tenant.db_name}.mdl_config' doesn't exist" in job.error


def test_a_tenant_whose_installation_broke_off_is_refused(
    finished: RunOf, tenant: Tenant
):
    for name in ("version", "allversionshash"):
        set_config(tenant, name, "")

    job = job_of(finished(UPGRADE, [tenant]))

    assert (job.state, job.error) == ("failed", "Moodle is not installed there")


def test_a_database_server_that_does_not_answer_fails_the_job_only(
    finished: RunOf, tenant: Tenant, add_tenant: AddTenant
):
    gone = DatabaseServer.objects.create(
        name="gone", host="127.0.0.1", port=1, admin_user="x"
    )
    Tenant.objects.filter(pk=tenant.pk).update(server=gone)
    other = add_tenant("two")

    run = finished(UPGRADE, [tenant, other], "to_release=4.3")

    job = run.jobs.get(tenant=tenant)
    assert job.error.startswith("database server gone: Can't connect to")
    assert not files.in_maintenance(tenant)
    assert run.jobs.get(tenant=other).state == Job.State.SUCCEEDED


def test_cron_that_does_not_end_stops_the_upgrade(finished: RunOf, tenant: Tenant):
    with cron_at_work(tenant):
        run = finished(UPGRADE, [tenant], "to_release=4.3&cron_wait=1")

    job = job_of(run)
    assert job.state == Job.State.FAILED
    assert job.error.startswith("1 cron runners are still at work: wait for them")
    assert job.tenant.release.name == "4.2"
    assert not files.in_maintenance(tenant)


def test_cron_that_ends_is_waited_for(tenant: Tenant, monkeypatch):
    monkeypatch.setattr("commands.upgrade.upgrade.POLL", 0.05)
    steps = drive(tenant).wait_for_cron(tenant)

    with cron_at_work(tenant):
        signs = [next(steps), next(steps)]

    assert signs == [None, None]
    assert list(steps) in ([], [None])


def test_an_exit_code_that_lies_is_caught(
    finished: RunOf, pinned: Tenant, releases: dict[str, Release]
):
    replace_script(releases["4.3"], SCRIPT, "echo 'All is well'; exit(0);")

    job = job_of(finished(UPGRADE, [pinned]))

    assert job.state == Job.State.FAILED
    assert job.error == (
        "upgrade.php ended without an error but the database says: Upgrade pending "
        "(2023042400)"
    )


def test_a_version_that_lies_is_caught(
    finished: RunOf, pinned: Tenant, releases: dict[str, Release]
):
    body = "require $CFG->dirroot . '/version.php'; set_config('version', $version);"
    replace_script(releases["4.3"], SCRIPT, body)

    job = job_of(finished(UPGRADE, [pinned]))

    assert job.state == Job.State.FAILED
    assert "Upgrade not finished, or plugins pending (2023100900" in job.error


def test_a_site_that_was_in_maintenance_stays_so(finished: RunOf, tenant: Tenant):
    files.enter_maintenance(tenant, "<p>Holidays")

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3"))

    assert job.state == Job.State.SUCCEEDED
    assert files.maintenance_page(tenant) == "<p>Holidays"
    assert "The site is in maintenance already and will stay so" in job.text()[0]


@pytest.mark.parametrize(
    ("attributes", "purged"),
    [("to_release=4.3", False), ("to_release=4.3&purge_caches=1", True)],
    ids=["not asked", "asked"],
)
def test_caches_are_purged_when_asked(
    finished: RunOf, tenant: Tenant, attributes: str, purged: bool
):
    finished(UPGRADE, [tenant], attributes)

    assert (config(tenant, "jsrev") is not None) is purged


@pytest.mark.parametrize(
    ("release", "code"), [("4.3", 2), ("4.2", 0)], ids=["pending", "current"]
)
def test_to_ask_whether_an_upgrade_is_pending_changes_nothing(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release], release: str, code
):
    tenant.pin(releases[release])

    job = job_of(finished(UPGRADE, [tenant], "is_pending=1"))

    assert (job.state, job.exit_code) == (Job.State.SUCCEEDED, code)
    assert config(tenant, "version") == "2023042400"


def test_options_reach_the_script(
    finished: RunOf, pinned: Tenant, releases: dict[str, Release]
):
    replace_script(releases["4.3"], SCRIPT, "echo implode(' ', $argv); exit(3);")

    run = finished(UPGRADE, [pinned], "allow_unstable=1&more=--lang%3Dfr")

    assert "--non-interactive --allow-unstable --lang=fr\n" in job_of(run).text()[0]


def test_recovering_opens_the_site_and_removes_the_lock(
    tenant: Tenant, releases: dict[str, Release]
):
    kill_an_upgrade(tenant, releases["4.3"])
    command = drive(tenant)
    list(command.close_site(tenant))
    assert files.in_maintenance(tenant)

    command.recover(tenant)

    assert not files.in_maintenance(tenant)
    assert config(tenant, "upgraderunning") is None


@pytest.mark.parametrize("page", ["<p>Holidays", "<!-- vmoodle-job-11. -->"])
def test_recovering_leaves_the_maintenance_of_others(tenant: Tenant, page: str):
    files.enter_maintenance(tenant, page)

    drive(tenant).recover(tenant)

    assert files.maintenance_page(tenant) == page
