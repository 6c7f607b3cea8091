import time
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from commands.models import Job, Run
from commands.system.backup import Backup
from tenants import moodledb
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import (
    complaints,
    job_of,
    options_of,
    put_script,
)
from tests.conftest import AddTenant, RunOf

BACKUP, SCRIPT = "system/Backup", "admin/cli/backup.php"
DESTINATION = "substr(preg_grep('/^--destination=/', $_SERVER['argv'])[2], 14)"
WRITES = f"""$to = {DESTINATION} . '/backup-course-2.mbz';
    echo "Writing $to\\n"; file_put_contents($to, 'mbz');
    echo "Backup completed.\\n";"""


def test_a_backup_is_written_to_the_tenant_s_directory(
    finished: RunOf, tenant: Tenant, tmp_path: Path
):
    put_script(tenant, SCRIPT, WRITES)
    where = f"{tmp_path}/backups/{{shortname}}"

    job = job_of(finished(BACKUP, [tenant], f"courseid=2&destination={where}"))

    assert job.state == Job.State.SUCCEEDED, job.error
    file = f"{tmp_path}/backups/one/backup-course-2.mbz"
    assert job.result == {"file": file, "bytes": 3}
    assert options_of(job) == ["--courseid=2", f"--destination={tmp_path}/backups/one"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("mtrace", "no backup was made: the output tells why"),
        ('echo "Writing /no/x.mbz\\nBackup completed.\\n";', "/no/x.mbz"),
    ],
    ids=["no backup", "no file"],
)
def test_an_exit_code_of_zero_is_no_backup(
    finished: RunOf, tenant: Tenant, tmp_path: Path, body: str, sentence: str
):
    if body == "mtrace":
        body = 'echo "Destination directory does not exists or not writable.\\n";'
    put_script(tenant, SCRIPT, body)

    job = job_of(finished(BACKUP, [tenant], f"courseid=2&destination={tmp_path}"))

    assert (job.state, job.exit_code) == (Job.State.FAILED, None)
    assert sentence in job.error


@pytest.fixture
def course(tenant: Tenant) -> Tenant:
    """Return a tenant with a course 7."""
    for table, values in {
        "course": "(id, category, fullname, shortname) VALUES (7, 1, 'M', 'maths')",
        "context": "(id, contextlevel, instanceid) VALUES (70, 50, 7), (71, 70, 7)",
    }.items():
        name = moodledb.table(tenant, table)
        moodledb.execute(tenant.server, f"INSERT INTO {name} {values}")
    return tenant


def add_file(tenant: Tenant, context: int, name: str, made: float) -> None:
    values = [context, name, int(made)]
    moodledb.execute(
        tenant.server,
        f"INSERT INTO {moodledb.table(tenant, 'files')} (contextid, component,"
        " filearea, filename, filesize, timecreated)"
        " VALUES (%s, 'backup', 'course', %s, 9, %s)",
        values,
    )


@pytest.mark.parametrize("course_given", ["courseid=7", "courseshortname=maths"])
def test_a_backup_without_destination_is_looked_up(
    finished: RunOf, course: Tenant, course_given: str
):
    put_script(course, SCRIPT, 'echo "Backup completed, the new file is listed\\n";')
    add_file(course, 70, "new.mbz", time.time() + 600)

    job = job_of(finished(BACKUP, [course], course_given))

    assert job.result == {"file": "new.mbz", "bytes": 9}


@pytest.mark.parametrize(
    ("context", "name", "age"),
    [(70, "old.mbz", 60), (71, "of a module.mbz", -600), (70, ".", -600)],
    ids=["old", "elsewhere", "a directory"],
)
def test_another_file_is_no_backup(
    finished: RunOf, course: Tenant, context: int, name: str, age: int
):
    put_script(course, SCRIPT, 'echo "Backup completed, the new file is listed\\n";')
    add_file(course, context, name, time.time() - age)

    job = job_of(finished(BACKUP, [course], "courseid=7"))

    assert job.error == "the course's backup area has no new file"


@pytest.mark.parametrize(
    "attributes", ["", "courseid=2&courseshortname=x", "courseid=2&destination=here"]
)
def test_bad_parameters_are_refused(attributes: str):
    assert complaints(Backup, attributes)


def test_several_sites_do_not_share_a_directory(
    run_of: RunOf, add_tenant: AddTenant, tmp_path: Path
):
    tenants = [add_tenant("one", install=False), add_tenant("two", install=False)]

    with pytest.raises(ValidationError, match=r"put \{shortname\} into it"):
        run_of(BACKUP, tenants, f"courseid=2&destination={tmp_path}")

    assert Run.objects.get().state == Run.State.DRAFT


def test_the_shell_has_both_forms(
    manage: Manage, tenant: Tenant, tmp_path: Path, workers
):
    put_script(tenant, SCRIPT, WRITES)
    words = ["--courseid=2", f"--destination={tmp_path}"]

    one = manage("backup", f"--host={tenant.wwwroot}", *words)
    many = manage("bulkbackup", *words)

    assert (one.code, many.code) == (0, 0), many.err
    assert "Backup completed." in one.out
