import pytest

from commands.generic.maintenance import Maintenance
from commands.models import Job
from tenants import files, moodledb
from tenants.models import Tenant
from tests.commands.upgrade.conftest import replace_script
from tests.conftest import RunOf

MAINTENANCE = "generic/Maintenance"


def job_of(run) -> Job:
    return run.jobs.get()


def test_maintenance_is_switched_on_and_off(finished: RunOf, tenant: Tenant):
    on = job_of(finished(MAINTENANCE, [tenant], "enable=1"))
    assert files.in_maintenance(tenant)

    off = job_of(finished(MAINTENANCE, [tenant], "disable=1"))

    assert not files.in_maintenance(tenant)
    assert [on.result, off.result] == [{"maintenance": True}, {"maintenance": False}]


@pytest.mark.parametrize("attributes", ["enable=1", "disable=1"])
def test_to_switch_twice_is_no_error(finished: RunOf, tenant: Tenant, attributes: str):
    jobs = [job_of(finished(MAINTENANCE, [tenant], attributes)) for _time in range(2)]

    assert [job.state for job in jobs] == ["succeeded", "succeeded"]
    assert files.in_maintenance(tenant) is (attributes == "enable=1")


def test_without_a_choice_the_state_is_told(finished: RunOf, tenant: Tenant):
    job = job_of(finished(MAINTENANCE, [tenant]))

    assert job.text()[0] == "Status: disabled\n"
    assert not files.in_maintenance(tenant)


def test_maintenance_may_come_later(finished: RunOf, tenant: Tenant):
    job = job_of(finished(MAINTENANCE, [tenant], "enablelater=30"))

    assert "will be enabled on" in job.text()[0]
    assert moodledb.config_of(tenant, ["maintenance_later"])
    assert not files.in_maintenance(tenant)


def test_the_site_may_be_closed_to_users_only(finished: RunOf, tenant: Tenant):
    finished(MAINTENANCE, [tenant], "enableold=1")

    config = moodledb.config_of(tenant, ["maintenance_enabled"])
    assert config == {"maintenance_enabled": "1"}


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ("enable=1", "the site did not enter maintenance mode"),
        ("disable=1", "the site did not leave maintenance mode"),
    ],
)
def test_a_script_that_lies_is_caught(
    finished: RunOf, tenant: Tenant, attributes: str, sentence: str
):
    if attributes == "disable=1":
        files.enter_maintenance(tenant, "<p>Holidays")
    replace_script(tenant.release, "admin/cli/maintenance.php", "exit(0);")

    job = job_of(finished(MAINTENANCE, [tenant], attributes))

    assert (job.state, job.error) == (Job.State.FAILED, sentence)


def test_a_tenant_that_needs_attention_may_be_opened(finished: RunOf, tenant: Tenant):
    files.enter_maintenance(tenant, "<p>Holidays")
    Tenant.objects.update(attention="half restored")

    job = job_of(finished(MAINTENANCE, [tenant], "disable=1"))

    assert job.state == Job.State.SUCCEEDED
    assert not files.in_maintenance(tenant)


@pytest.mark.parametrize(
    ("attributes", "asked"),
    [
        ("message=Noon", {"message": "Noon", "hard": False}),
        ("message=Noon&hard=1", {"message": "Noon", "hard": True}),
        ("message=Noon&enable=1", {"message": "Noon", "hard": True}),
        ("message=Noon&enableold=1", {"message": "Noon", "hard": False}),
        ("message=OFF", {"message": None, "hard": False}),
    ],
)
def test_a_message_is_said_inside_moodle(monkeypatch, attributes: str, asked: dict):
    form = Maintenance.from_attributes(attributes)
    assert form.is_valid(), form.errors
    monkeypatch.setattr(form, "ask", lambda tenant, *words: iter([words]))

    assert list(form.run(None)) == [("maintenance", asked)]


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ("message=Noon&disable=1", "A message does not go with disable"),
        ("message=Noon&enablelater=5", "A message does not go with enablelater"),
        ("hard=1", "hard goes with a message"),
        ("message=OFF&hard=1", "hard goes with a message"),
        ("message=Noon&enableold=1&hard=1", "hard goes with a message"),
        (f"message={'x' * 20_001}", "at most 20000 characters"),
        ("message=a%00", "Null characters are not allowed"),
    ],
    ids=range(7),
)
def test_what_does_not_go_together_is_refused(attributes: str, sentence: str):
    form = Maintenance.from_attributes(attributes)

    assert not form.is_valid()
    assert sentence in str(form.errors)
