from commands.models import Job
from commands.system.make_test_plan import MakeTestPlan
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import (
    complaints,
    job_of,
    options_of,
    put_script,
)
from tests.conftest import RunOf

PLAN, SCRIPT = "system/MakeTestPlan", "admin/tool/generator/cli/maketestplan.php"
FILES = "https://one.example.org/pluginfile.php/1/tool_generator"
SAYS = f'echo "{FILES}/plan.jmx\\n{FILES}/users.csv\\n";'


def test_the_two_addresses_are_told(finished: RunOf, bare: Tenant):
    put_script(bare, SCRIPT, SAYS)

    job = job_of(finished(PLAN, [bare], "shortname=t_1&size=XS&bypasscheck=1"))

    assert job.result == {"plan": f"{FILES}/plan.jmx", "users": f"{FILES}/users.csv"}
    assert options_of(job) == ["--shortname=t_1", "--size=XS", "--bypasscheck"]


def test_none_of_them_is_a_failure(finished: RunOf, bare: Tenant):
    put_script(bare, SCRIPT)

    job = job_of(finished(PLAN, [bare], "shortname=t_1&size=XS"))

    assert job.state == Job.State.FAILED
    assert job.error == "the script ended without naming plan and users' file"


def test_the_shell_has_both_forms(manage: Manage, bare: Tenant, workers):
    put_script(bare, SCRIPT, SAYS)
    words = ["--shortname=t_1", "--size=S"]

    assert manage("maketestplan", f"--host={bare.wwwroot}", *words).code == 0
    assert manage("bulkmaketestplan", *words).code == 0


def test_a_size_that_is_none_is_refused():
    [said] = complaints(MakeTestPlan, "shortname=t_1&size=HUGE")

    assert said.startswith("size: Select a valid choice. HUGE is not one")
