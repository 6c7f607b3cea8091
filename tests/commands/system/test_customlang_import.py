import time

import pytest

from commands.models import Job
from tenants import moodledb
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import job_of, options_of, put_script
from tests.conftest import RunOf

IMPORT, SCRIPT = "system/CustomlangImport", "admin/tool/customlang/cli/import.php"


@pytest.fixture
def customised(bare: Tenant) -> Tenant:
    """Return a tenant whose script does nothing, with a text imported long ago."""
    put_script(bare, SCRIPT)
    table = moodledb.table(bare, "tool_customlang")
    columns = "lang varchar(20), local longtext, timecustomized bigint"
    moodledb.execute(bare.server, f"CREATE TABLE {table} ({columns})")
    add_text(bare, "en", int(time.time()) - 60)
    return bare


def add_text(tenant: Tenant, lang: str, when: float, text: str | None = "Mine") -> None:
    table = moodledb.table(tenant, "tool_customlang")
    sql = f"INSERT INTO {table} VALUES (%s, %s, %s)"
    moodledb.execute(tenant.server, sql, [lang, text, int(when)])


def test_texts_are_imported(finished: RunOf, customised: Tenant):
    add_text(customised, "fr", time.time() + 5)
    attributes = "lang=fr&source=/srv/fr&checkin=1"

    job = job_of(finished(IMPORT, [customised], attributes))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert options_of(job) == [
        "--lang=fr",
        "--source=/srv/fr",
        "--mode=all",
        "--checkin",
    ]


@pytest.mark.parametrize(
    ("lang", "text"), [("de", "Mine"), ("fr", None)], ids=["another language", "none"]
)
def test_none_imported_is_a_failure(finished: RunOf, customised: Tenant, lang, text):
    add_text(customised, lang, time.time() + 5, text)

    job = job_of(finished(IMPORT, [customised], "lang=fr&source=/srv/fr"))

    assert job.state == Job.State.FAILED
    assert job.error.startswith("no text was imported: the output tells why")


def test_none_that_fits_the_mode_is_none_to_do(finished: RunOf, customised: Tenant):
    job = job_of(finished(IMPORT, [customised], "lang=fr&source=/srv/fr&mode=new"))

    assert (job.state, job.error) == (Job.State.SKIPPED, "no text fits the mode new")


def test_the_shell_has_both_forms(manage: Manage, customised: Tenant, workers):
    add_text(customised, "fr", time.time() + 60)
    words = ["--lang=fr", "--source=/srv/fr"]

    one = manage("customlang_import", f"--host={customised.wwwroot}", *words)
    many = manage("bulkcustomlangimport", *words)

    assert (one.code, many.code) == (0, 0), many.out
