import pytest

from commands.models import Job
from commands.system.mysql_collation import MysqlCollation
from tenants import moodledb
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import (
    complaints,
    job_of,
    options_of,
    put_script,
)
from tests.conftest import RunOf

COLLATION, SCRIPT = "system/MysqlCollation", "admin/cli/mysql_collation.php"
UNICODE = "utf8mb4_unicode_ci"  # that of the sandbox's tables
SUMMARY = "Converted: 0, skipped: 61, errors: 0"


def test_what_the_database_says_is_believed(finished: RunOf, tenant: Tenant):
    put_script(tenant, SCRIPT, f'echo "{SUMMARY}\\n";')

    job = job_of(finished(COLLATION, [tenant], f"collation={UNICODE}"))

    assert job.result == {"summary": SUMMARY}, job.error
    assert options_of(job) == [f"--collation={UNICODE}"]


def test_a_column_that_was_left_out_fails(finished: RunOf, tenant: Tenant):
    put_script(tenant, SCRIPT, f'echo "{SUMMARY}\\n";')
    table = moodledb.table(tenant, "role")
    change = "MODIFY COLUMN name varchar(255) COLLATE utf8mb4_bin"
    moodledb.execute(tenant.server, f"ALTER TABLE {table} {change}")

    job = job_of(finished(COLLATION, [tenant], f"collation={UNICODE}"))

    assert job.state == Job.State.FAILED
    assert job.error == (
        "1 columns still have another collation, such as mdl_role.name"
    )


def test_tables_of_others_do_not_count(finished: RunOf, tenant: Tenant):
    put_script(tenant, SCRIPT)
    other = f"`{tenant.db_name}`.`mdlxrole`"
    column = "name varchar(255) COLLATE utf8mb4_bin"
    moodledb.execute(tenant.server, f"CREATE TABLE {other} ({column})")

    job = job_of(finished(COLLATION, [tenant], f"collation={UNICODE}"))

    assert job.state == Job.State.SUCCEEDED, job.error


@pytest.mark.parametrize("choice", ["list", "available"])
def test_what_is_asked_only_is_printed(finished: RunOf, tenant: Tenant, choice: str):
    put_script(tenant, SCRIPT)

    job = job_of(finished(COLLATION, [tenant], f"{choice}=1"))

    assert job.result == {"exit_code": 0}
    assert options_of(job) == [f"--{choice}"]


def test_the_shell_has_both_forms(manage: Manage, tenant: Tenant, workers):
    put_script(tenant, SCRIPT)

    one = manage("mysql_collation", f"--host={tenant.wwwroot}", "-a")
    many = manage("bulkmysqlcollation", "-c", UNICODE)

    assert (one.code, many.code) == (0, 0)


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ("", "__all__: Choose one of collation, list, available"),
        ("list=1&available=1", "__all__: Choose one of collation, list, available"),
        ("collation=latin1_bin", "collation: Enter a valid value."),
    ],
    ids=["none", "two", "not utf8"],
)
def test_bad_parameters_are_refused(attributes: str, sentence: str):
    assert complaints(MysqlCollation, attributes) == [sentence]
