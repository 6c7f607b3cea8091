import pytest

from commands.models import Job
from commands.system.mysql_compressed_rows import MysqlCompressedRows
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import (
    complaints,
    job_of,
    options_of,
    put_script,
)
from tests.conftest import RunOf

ROWS, SCRIPT = "system/MysqlCompressedRows", "admin/cli/mysql_compressed_rows.php"
LISTED = "mdl_user                 Compressed \\n"
NEEDS = 'echo "mdl_badge                Compact     (needs fixing)\\n"; exit(1);'


def test_tables_that_need_it_are_told_by_the_exit_code(finished: RunOf, bare: Tenant):
    put_script(bare, SCRIPT, f'echo "{LISTED}"; {NEEDS}')

    job = job_of(finished(ROWS, [bare], "list=1"))

    assert (job.state, job.exit_code) == (Job.State.SUCCEEDED, 1)
    assert job.result == {"exit_code": 1, "tables": ["mdl_badge"]}
    assert options_of(job) == ["--list"]


def test_an_exit_code_that_names_no_table_is_a_failure(finished: RunOf, bare: Tenant):
    put_script(bare, SCRIPT, 'echo "for MySQL databases only\\n"; exit(1);')

    job = job_of(finished(ROWS, [bare], "list=1"))

    assert job.state == Job.State.FAILED


@pytest.mark.parametrize("choice", ["info", "showsql"])
def test_what_is_asked_only_is_printed(finished: RunOf, bare: Tenant, choice: str):
    put_script(bare, SCRIPT)

    job = job_of(finished(ROWS, [bare], f"{choice}=1"))

    assert job.result == {"exit_code": 0, "tables": []}
    assert options_of(job) == [f"--{choice}"]


@pytest.fixture
def compresses(monkeypatch) -> None:
    """Let the operation say that it has compressed a table."""

    def ask(self, tenant, operation, payload):
        yield operation
        return {"fixed": ["badge"]}

    monkeypatch.setattr(MysqlCompressedRows, "ask", ask)


@pytest.mark.usefixtures("compresses")
def test_tables_are_compressed_and_listed_again(finished: RunOf, bare: Tenant):
    put_script(bare, SCRIPT, f'echo "{LISTED}";')

    job = job_of(finished(ROWS, [bare], "fix=1"))

    assert job.result == {"fixed": ["badge"]}, job.error
    assert job.text()[0].startswith("compress_rows\n--list\nmdl_user")


@pytest.mark.usefixtures("compresses")
def test_a_table_that_still_needs_it_is_a_failure(finished: RunOf, bare: Tenant):
    put_script(bare, SCRIPT, NEEDS)

    job = job_of(finished(ROWS, [bare], "fix=1"))

    assert job.state == Job.State.FAILED
    assert "mdl_badge" in job.error


def test_the_shell_has_both_forms(manage: Manage, bare: Tenant, workers):
    put_script(bare, SCRIPT, NEEDS)

    one = manage("mysql_compressed_rows", f"--host={bare.wwwroot}", "--list")
    many = manage("bulkmysqlcompressedrows", "--list")

    assert (one.code, many.code) == (1, 0)
    assert "mdl_badge" in one.out


def test_two_choices_are_refused():
    [said] = complaints(MysqlCompressedRows, "list=1&fix=1")

    assert said == "__all__: Choose one of info, list, fix, showsql"
