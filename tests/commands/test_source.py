"""Commands that read a source once, for the whole run."""

from collections.abc import Iterator

import pytest
from django import forms
from django.core.exceptions import ValidationError

from commands import base, tasks
from commands.base import CommandFailed, Json, Steps
from commands.models import Job, Material, Run, material
from commands.source import SourceCommand
from tenants.models import Tenant
from tests.conftest import RunOf


class Copy(SourceCommand):
    """Tell what the source gave."""

    password = forms.CharField(
        required=False, widget=forms.PasswordInput, help_text="Secret."
    )

    reads: list[str] = []
    fails = ""

    def read(self, source: Tenant) -> Json:
        self.reads.append(source.wwwroot)
        if self.fails:
            raise CommandFailed(self.fails)
        return {"from": source.shortname, "password": "s3cret"}

    def run(self, tenant: Tenant) -> Steps:
        yield "working"
        return {"got": self.material, "told": self.cleaned_data["password"]}


@pytest.fixture
def copy() -> Iterator[type[Copy]]:
    base.register(Copy)
    Copy.reads, Copy.fails = [], ""
    yield Copy
    del base._commands[base._folded(Copy.name())]


@pytest.fixture
def three(rows, monkeypatch) -> list[Tenant]:
    """Return three tenants, the first the main one, whose server answers."""
    monkeypatch.setattr(tasks.moodledb, "wait_until_up", lambda *_args, **_how: None)
    made = rows(3)
    Tenant.objects.filter(pk=made[0].pk).update(is_main=True)
    return made


def test_the_source_is_read_once_and_is_no_target(copy, three, finished: RunOf):
    run = finished(copy.name(), three)

    assert copy.reads == ["https://t0.example.org"]
    states = dict(run.jobs.order_by("pk").values_list("wwwroot", "state"))
    assert states.pop("https://t0.example.org") == Job.State.SKIPPED
    assert set(states.values()) == {Job.State.SUCCEEDED}
    job = run.jobs.filter(state=Job.State.SUCCEEDED).first()
    assert job.result["got"] == {"from": "t0", "password": "s3cret"}


def test_another_source_can_be_named(copy, three, finished: RunOf):
    run = finished(copy.name(), three[:2], "source=HTTPS://t2.example.org/")

    assert copy.reads == ["https://t2.example.org"]
    assert run.counts()["succeeded"] == run.done == run.total == 2


def test_the_run_names_the_main_tenant_that_it_read(copy, three):
    form = copy.from_attributes("")

    assert form.is_valid()
    assert form.attributes() == "source=https%3A%2F%2Ft0.example.org"


def test_a_source_that_fails_stops_the_run_before_it_begins(copy, three, run_of: RunOf):
    copy.fails = "t0 has no such role"

    with pytest.raises(CommandFailed, match="t0 has no such role"):
        run_of(copy.name(), three)

    assert Job.objects.count() == 0
    assert Run.objects.get().state == Run.State.DRAFT


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ("source=https://nobody.example.org", "No such tenant: https://nobody"),
        ("source=nonsense", "must begin with http"),
        ("", "There is no main tenant"),
    ],
)
def test_a_source_that_is_not_there_is_refused(
    copy, rows, run_of: RunOf, attributes: str, sentence: str
):
    with pytest.raises(ValidationError, match=sentence):
        run_of(copy.name(), rows(1), attributes)


def test_what_was_read_is_encrypted_and_goes_with_the_run(copy, three, run_of: RunOf):
    run = run_of(copy.name(), three, secrets="password=hush")
    stored = Material.objects.extra(select={"raw": "data"}).values_list("raw").get()

    assert "s3cret" not in stored[0]
    tasks.lane(run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.FINISHED
    assert Material.objects.count() == 0


def test_what_is_too_large_to_be_kept_is_refused(copy, three, monkeypatch, run_of):
    monkeypatch.setattr(material, "LIMIT", 10)

    with pytest.raises(CommandFailed, match="copy less at a time"):
        run_of(copy.name(), three)

    assert Job.objects.count() == 0


def test_a_password_reaches_the_job_and_is_forgotten(copy, three, finished: RunOf):
    run = finished(copy.name(), three[:2], secrets="password=hush%26x")

    assert run.jobs.get(tenant=three[1]).result["told"] == "hush&x"
    assert run.secrets == ""
    assert "hush" not in run.attributes


def test_a_password_is_not_among_the_attributes(copy, three):
    form = copy.from_attributes("password=hush")

    assert form.is_valid()
    assert "hush" not in form.attributes()
    assert form.secrets() == "password=hush"
