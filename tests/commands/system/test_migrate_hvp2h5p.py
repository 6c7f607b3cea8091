import pytest

from commands.models import Job
from commands.system.migrate_hvp2h5p import MigrateHvp2H5p
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import job_of, options_of, put_script
from tests.conftest import RunOf

MIGRATE = "system/MigrateHvp2H5p"
SCRIPT = "admin/tool/migratehvp2h5p/cli/migrate.php"
ONE, TWO = (f"Migrating ID:{n}\\tQuiz\\t course:2\\tM\\n" for n in (1, 2))


def test_activities_are_migrated(finished: RunOf, bare: Tenant):
    put_script(bare, SCRIPT, f'echo "{ONE}\\t ...Successful\\n{TWO}";')

    job = job_of(finished(MIGRATE, [bare], "execute=1&contenttypes=3,4"))

    assert job.result == {"activities": 2}, job.error
    assert options_of(job) == [
        "--execute",
        "--limit=100",
        "--keeporiginal=1",
        "--copy2cb=1",
        "--contenttypes=3,4",
    ]


@pytest.mark.parametrize(
    ("body", "state", "sentence"),
    [
        (
            f'echo "{ONE}\\t ...Failed!\\n{TWO}";',
            Job.State.FAILED,
            "1 of 2 activities were not migrated",
        ),
        (
            'echo " * No activites are found.\\n"; exit(1);',
            Job.State.SKIPPED,
            "the site has no activities to migrate",
        ),
        (
            'echo "Moodle upgrade pending, suspended.\\n"; exit(1);',
            Job.State.FAILED,
            "migrate.php ended with exit code 1: Moodle upgrade pending, suspended.",
        ),
    ],
    ids=["one failed", "none there", "refused"],
)
def test_what_it_says_decides(finished, bare: Tenant, body: str, state, sentence):
    put_script(bare, SCRIPT, body)

    job = job_of(finished(MIGRATE, [bare], "execute=1"))

    assert (job.state, job.error) == (state, sentence)


def test_a_tree_without_the_tool_is_told(finished: RunOf, bare: Tenant):
    job = job_of(finished(MIGRATE, [bare]))

    assert job.error == (
        f"{bare.release.path} has no {SCRIPT}: this release does not ship it"
    )


@pytest.mark.parametrize(
    ("attributes", "dangerous"),
    [
        ("execute=1", False),
        ("keeporiginal=0", False),
        ("execute=1&keeporiginal=0", True),
    ],
)
def test_only_deleting_is_dangerous(attributes: str, dangerous: bool):
    form = MigrateHvp2H5p.from_attributes(attributes)

    assert form.is_valid()
    assert form.is_dangerous() is dangerous


def test_the_shell_has_both_forms(manage: Manage, bare: Tenant, workers):
    put_script(bare, SCRIPT, f'echo "{ONE}";')

    assert manage("migratehvp2h5p", f"--host={bare.wwwroot}", "-k", "0").code == 0
    assert manage("bulkmigratehvp2h5p", "--limit=5").code == 0
