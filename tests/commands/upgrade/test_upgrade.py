import time
from contextlib import closing
from pathlib import Path

import pytest

from commands.models import Job
from commands.tasks import lane
from commands.upgrade.upgrade import Upgrade
from tenants import files
from tenants.models import DatabaseServer, Release, Tenant
from tenants.serving.publish import site_link
from tests.commands.upgrade.conftest import (
    SCRIPT,
    UPGRADE,
    Visitor,
    config,
    drive,
    job_of,
    kill_an_upgrade,
    replace_script,
    set_config,
)
from tests.conftest import AddTenant, RunOf
from tests.faults.conftest import cron_at_work


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


@pytest.mark.parametrize(
    ("site", "attributes"), [("tenant", "to_release=4.3"), ("pinned", "")]
)
def test_nobody_cancels_it_before_it_is_known_to_be_whole(request, site, attributes):
    tenant: Tenant = request.getfixturevalue(site)
    form = drive(tenant, attributes)

    with closing(form.run(tenant)) as steps:
        assert "== verify" in steps
        assert not form.interruptible
        assert "== purge" in steps
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


def test_an_upgrade_that_somebody_else_runs_is_waited_for(
    tenant: Tenant, releases: dict[str, Release], monkeypatch
):
    monkeypatch.setattr("commands.upgrade.upgrade.POLL", 0.05)
    tenant.pin(releases["4.3"])
    set_config(tenant, "upgraderunning", int(time.time()) + 600)

    def ends(tenant: Tenant) -> bool:
        set_config(tenant, "upgraderunning", int(time.time()) - 1)
        return True

    monkeypatch.setattr("tenants.activity.in_use", ends)

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
    assert "has not begun: the site opens again, as it was" in job.text()[0]
    assert job.tenant.release.name == "4.2"
    assert not files.in_maintenance(tenant)


def test_cron_that_ends_is_waited_for(tenant: Tenant, monkeypatch):
    monkeypatch.setattr("commands.upgrade.upgrade.POLL", 0.05)
    steps = drive(tenant).wait_for_cron(tenant)

    with cron_at_work(tenant):
        signs = [next(steps), next(steps)]

    assert signs == [None, None]
    assert list(steps) == []


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
