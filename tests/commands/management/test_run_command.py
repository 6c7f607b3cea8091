import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django import forms

from commands import base
from commands.base import Json, Steps
from commands.models import Job, Run
from commands.source import SourceCommand
from tenants.models import Tenant
from tests.commands.conftest import Manage, assert_refused, states
from tests.conftest import AddTenant

pytestmark = pytest.mark.django_db(transaction=True)
ONE, TWO, MAIN = (f"https://{name}.example.org" for name in ("one", "two", "main"))
SET = "--command=generic/SetConfig"


class CopyThing(SourceCommand):
    """Copy a thing.

    It is for tests.
    """

    thing = forms.CharField(required=False, help_text="Which one.")
    password = forms.CharField(widget=forms.PasswordInput, help_text="Secret.")

    def read(self, source: Tenant) -> Json:
        return source.shortname

    def run(self, tenant: Tenant) -> Steps:
        yield "copying"
        return {"from": self.material, "password": self.cleaned_data["password"]}


@pytest.fixture
def copy() -> Iterator[str]:
    base.register(CopyThing)
    yield "--command=management/copy_thing"
    del base._commands[base._folded(CopyThing.name())]


@pytest.fixture
def fleet(add_tenant: AddTenant) -> list[Tenant]:
    """Return two tenants that only have a name, and the main one."""
    made = [add_tenant(name, install=False) for name in ("one", "two")]
    return [*made, add_tenant("main", install=False, is_main=True)]


@pytest.mark.parametrize(
    "name",
    ["generic/SetConfig", "generic/set_config", "GENERIC/Set_Config"],
)
def test_a_command_is_found_by_name(manage: Manage, fleet: list[Tenant], name: str):
    said = manage(
        "run_command",
        f"--command={name}",
        "--attributes=key=x&value=a%26b%3D%C3%A9+%2B",
        "--detach",
    )

    run = Run.objects.get()
    assert said.code == 0, said
    assert run.command == "generic/SetConfig"
    assert run.form().cleaned_data["value"] == "a&b=é +"
    assert states() == {"one": "queued", "two": "queued"}


@pytest.mark.usefixtures("workers")
def test_it_is_followed_to_its_end(manage: Manage, tenant: Tenant):
    said = manage("run_command", "-c", "upgrade/CheckStatus", "--tohosts=*", "-v")

    assert said.code == 0
    assert "Up to date: 4.2 (Build: 20230424) (2023042400)\n" in said.out
    assert said.out.endswith(f"Run {Run.objects.get().pk} finished: 1 succeeded\n")


@pytest.mark.usefixtures("workers")
def test_a_failure_exits_1(manage: Manage, fleet: list[Tenant]):
    said = manage("run_command", "-c", "upgrade/CheckStatus", "--json")

    assert said.code == 1
    assert json.loads(said.out)["counts"]["failed"] == 2


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ([], "one two"),
        (["-M"], "one two main"),
        (["-t", f"{TWO},{MAIN}"], "two main"),
        (["-m", "t*"], "two"),
        (["-e", "t*"], "one"),
        (["-f", ONE], "two"),
        (["-f", ONE, "-M"], "two main"),
        (["-f", ONE, "-t", f"{ONE},{TWO}"], "two"),
        (["-m", "t*", "-t", TWO], "two"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_showtargets_prints_the_tenants(
    manage: Manage, fleet: list[Tenant], words: list[str], chosen: str
):
    said = manage("run_command", "--command=showtargets", *words)
    as_json = manage("run_command", "-c", "ShowTargets", "--json", *words)

    roots = [f"https://{name}.example.org" for name in chosen.split()]
    assert (said.code, as_json.code) == (0, 0)
    assert said.out.splitlines() == roots
    assert json.loads(as_json.out) == {"tenants": roots}
    assert not Run.objects.exists()


def test_a_test_checks_the_parameters_and_prints_the_tenants(
    manage: Manage, fleet: list[Tenant], copy: str
):
    words = ["-T", copy, "-a", "thing=a%20b&password=hush", f"--fromhost={TWO}", "-M"]

    said = manage("run_command", *words)
    as_json = manage("run_command", *words, "--json")

    assert said.code == 0
    assert said.out.splitlines() == [
        "management/CopyThing on 2 tenants",
        f"  source={TWO}",
        "  thing=a b",
        "  password=***",
        ONE,
        MAIN,
    ]
    assert json.loads(as_json.out) == {
        "command": "management/CopyThing",
        "parameters": {"source": TWO, "thing": "a b", "password": "***"},
        "tenants": [ONE, MAIN],
    }
    assert not Run.objects.exists()


@pytest.mark.usefixtures("slow_workers")
@pytest.mark.parametrize(
    ("words", "source", "chosen"),
    [
        ([], MAIN, {"one", "two"}),
        (["--with-master"], MAIN, {"one", "two"}),
        (["--fromhost=HTTPS://One.example.org/"], ONE, {"two"}),
        (["-f", ONE, "-M"], ONE, {"two", "main"}),
    ],
    ids=["main", "main left out", "named", "main is a target"],
)
def test_the_source_is_no_target(
    manage: Manage, fleet: list[Tenant], copy: str, words, source: str, chosen: set
):
    said = manage("run_command", copy, "-a", "password=hush", "--detach", *words)

    assert said.code == 0, said
    assert states() == dict.fromkeys(chosen, "queued")
    assert Run.objects.get().form().cleaned_data["source"].wwwroot == source
    left_out = f"{source} is the source: it is left out\n"
    assert said.err == (left_out if len(words) and source in (ONE, MAIN) else "")


def test_the_attributes_may_name_the_source(
    manage: Manage, fleet: list[Tenant], copy: str
):
    manage("run_command", copy, "-a", f"password=x&source={TWO}", "--detach")

    assert states() == {"one": "queued"}


def test_attributes_are_read_from_a_file(
    manage: Manage, fleet: list[Tenant], tmp_path: Path
):
    file = tmp_path / "attributes"
    file.write_text("key=x&value=y\n")

    manage("run_command", SET, f"--attributes=@{file}", "--detach")

    assert Run.objects.get().attributes == "key=x&value=y"


def test_attributes_are_read_from_standard_input(
    manage: Manage, fleet: list[Tenant], copy: str, monkeypatch
):
    text = io.TextIOWrapper(io.BytesIO(b"thing=y&password=hush\n"))
    monkeypatch.setattr("sys.stdin", text)

    said = manage("run_command", copy, "--attributes=@-", "--detach")

    run = Run.objects.get()
    assert said.code == 0
    assert run.form().cleaned_data["password"] == "hush"
    assert "hush" not in run.attributes


def test_a_password_that_is_not_given_is_asked_for(
    manage: Manage, fleet: list[Tenant], copy: str, monkeypatch
):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    asked = []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda text: asked.append(text) or "hush")

    manage("run_command", copy, "--detach")

    assert Run.objects.get().form().cleaned_data["password"] == "hush"
    assert len(asked) == 2


def test_any_run_may_be_retried_and_wants_its_password_again(
    manage: Manage, fleet: list[Tenant], copy: str
):
    manage("run_command", copy, "-a", "thing=y&password=hush", "--detach")
    former = Run.objects.get()
    former.jobs.filter(tenant=fleet[0]).update(state=Job.State.FAILED)
    Run.objects.update(secrets="")

    forgotten = manage("run_command", f"--retry={former.pk}", "--detach")
    assert_refused(forgotten, "password: This field is required", runs=1)

    said = manage("run_command", f"--retry={former.pk}", "-a", "password=z", "--detach")

    again = Run.objects.first()
    assert said.code == 0, said
    assert states() == {"one": "queued"}
    assert again.retry_of == former
    assert again.attributes == former.attributes
    assert again.form().cleaned_data["password"] == "z"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "No command is named: give --command=NAME ('manage.py commands' lists"),
        (["--command="], "--command is empty: leave it out"),
        (["-c", "generic/SetConfg"], "did you mean generic/SetConfig?"),
        (["-c", "nothing"], "There is no command 'nothing'"),
        ([SET], "key: This field is required"),
        ([SET, "-a", "nonsense"], "'nonsense' is not of the form name=value"),
        ([SET, "-a", "key=x&value=%ff"], "is not of the form name=value"),
        ([SET, "-a", "x" * 100_000], "xxx ... xxx"),
        ([SET, "-a", "=x"], "'=x' is not of the form name=value"),
        ([SET, "-a", "key=x&&"], "is not of the form name=value"),
        (
            [SET, "-a", "kye=x"],
            "generic/SetConfig has no parameter kye (it has: key, value, empty)",
        ),
        ([SET, "-a", "@/nowhere"], "--attributes @/nowhere cannot be read: No such"),
        ([SET, "-f", "https://no.org"], "No such tenant: https://no.org"),
        ([SET, "-a", "key=x", "--fromhost="], "--fromhost is empty: leave it out"),
        ([SET, "-a", "key=x", "-f", ONE, "-t", ONE], "No tenant is selected but the"),
        ([SET, "-a", "key=x", "--tag=none"], "There is no tag none"),
        (["--retry=99"], "There is no run 99 to retry"),
        (["--retry=99", "--test"], "The tenants of a --retry are shown by --dry-run"),
        (["--retry=9", "-c", "showtargets"], "The tenants of a --retry are shown by"),
        (["-c", "showtargets", "--exclude=*"], "No tenant is selected"),
        (["-c", "showtargets", "-f", "https://no.org"], "No such tenant: https://no."),
        ([SET, "-a", "key=x", "-a", "key=y"], "-a is given twice: it has one value"),
        ([SET, "-f", ONE, "--fromhost", TWO], "--fromhost is given twice: it has one"),
        (["--fullstop=x"], "argument -s/--fullstop: ignored explicit argument 'x'"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else "",
)
def test_bad_use_is_refused(
    manage: Manage, fleet: list[Tenant], words: list[str], sentence: str
):
    assert_refused(manage("run_command", "--detach", *words), sentence)


def test_a_file_that_is_no_text_is_refused(
    manage: Manage, fleet: list[Tenant], tmp_path: Path
):
    file = tmp_path / "attributes"
    file.write_bytes(b"name=\xff")

    assert_refused(manage("run_command", SET, "-a", f"@{file}"), "it is no UTF-8 text")


def test_a_source_that_is_given_twice_is_refused(
    manage: Manage, fleet: list[Tenant], copy: str
):
    words = ["-a", f"password=x&source={TWO}", f"--fromhost={ONE}"]

    assert_refused(manage("run_command", copy, *words), "The source is given twice")


def test_a_copy_without_any_source_is_refused(
    manage: Manage, fleet: list[Tenant], copy: str
):
    fleet[2].delete()

    said = manage("run_command", copy, "-a", "password=x", "--detach")

    assert_refused(said, "source: There is no main tenant: give the wwwroot")


def test_a_retry_takes_no_other_parameters(manage: Manage, fleet: list[Tenant]):
    manage("run_command", SET, "-a", "key=x", "--detach")
    retry = f"--retry={Run.objects.get().pk}"

    for words, sentence in (
        (["-a", "key=y"], "--retry takes the tenants and the parameters"),
        (["-f", ONE], "--retry takes the source of the former run as well"),
        (["-t", ONE], "--retry takes the tenants and the parameters"),
        (["-c", "generic/PurgeCaches"], "There is no run"),
    ):
        assert_refused(manage("run_command", "--detach", retry, *words), sentence, 1)
