import pytest

from commands.models import Job
from commands.system.replace import Replace
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import (
    complaints,
    job_of,
    options_of,
    put_script,
)
from tests.conftest import RunOf

REPLACE, SCRIPT = "system/Replace", "admin/tool/replace/cli/replace.php"


def test_a_text_is_replaced_without_a_question(finished: RunOf, bare: Tenant):
    put_script(bare, SCRIPT)
    attributes = "search=//old.org+&replace=//new.org&skiptables=log,user"

    job = job_of(finished(REPLACE, [bare], attributes))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert options_of(job) == [
        "--non-interactive",
        "--search=//old.org ",
        "--skiptables=log,user",
        "--replace=//new.org",
    ]


def test_a_text_is_taken_out(finished: RunOf, bare: Tenant):
    put_script(bare, SCRIPT)

    job = job_of(finished(REPLACE, [bare], "search=secret&delete=1"))

    assert options_of(job) == ["--non-interactive", "--search=secret", "--replace="]


def test_a_refusal_of_moodle_s_is_told(finished: RunOf, bare: Tenant):
    put_script(bare, SCRIPT, 'fwrite(STDERR, "Not implemented\\n"); exit(1);')

    job = job_of(finished(REPLACE, [bare], "search=ab&replace=b"))

    assert job.state == Job.State.FAILED
    assert "Not implemented" in job.error


def test_it_is_dangerous():
    form = Replace.from_attributes("search=ab&replace=b")

    assert form.is_valid()
    assert form.is_dangerous()


def test_the_shell_has_both_forms(manage: Manage, bare: Tenant, workers):
    put_script(bare, SCRIPT)
    words = ["--search=old", "-r", "newer", "-S"]

    one = manage("replace", f"--host={bare.wwwroot}", *words)
    many = manage("bulkreplace", *words, "--yes")

    assert (one.code, many.code) == (0, 0)
    assert "--shorten\n--replace=newer\n" in one.out


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ("replace=x", "search: This field is required."),
        ("search=x", "__all__: Give either the text to put there, or delete"),
        ("search=x&replace=", "__all__: Give either the text to put there, or delete"),
        ("search=x&replace=y&delete=1", "__all__: Give either the text to put there"),
        ("search=x&replace=longer", "__all__: The new text is longer than the old"),
        ("search=x&replace=y&skiptables=a;b", "skiptables: Enter a valid value."),
    ],
    ids=["no search", "no text", "empty text", "both", "longer", "no list of tables"],
)
def test_bad_parameters_are_refused(attributes: str, sentence: str):
    assert complaints(Replace, attributes)[0].startswith(sentence)
