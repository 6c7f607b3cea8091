"""The course commands on a real Moodle."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from commands import host, tasks
from commands.claim import claim_next
from commands.models import Job
from tenants import moodledb, php
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.fleet import Fleet
from tests.moodle.site import Campus, ended, rows

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
NOW = "delay=0&spread=0"
TOP = "VM-TOP"  # the ID number of the category that all of this lies in


def course(tenant: Tenant, columns: str, shortname: str) -> list[tuple]:
    return rows(tenant, "course", columns, "shortname = %s", shortname)


@dataclass
class Site:
    """A tenant with a category of our own, and a backup to restore."""

    tenant: Tenant
    backup: Path
    finished: RunOf

    def do(self, command: str, attributes: str, state: str = "succeeded") -> Job:
        return ended(
            self.finished(f"courses/{command}", [self.tenant], attributes), state
        )

    def restore(
        self, shortname: str, more: str = "", state: str = "succeeded", category=TOP
    ) -> Job:
        names = f"shortname={shortname}&catidnumber={category}"
        given = f"location={self.backup}&{names}&{NOW}{more}"
        return self.do("RestoreCourse", given, state)


@pytest.fixture(scope="session")
def backups(newest_sites: Fleet) -> Path:
    """Return a directory for backups that lasts as long as the sites."""
    directory = newest_sites.home / "backups"
    directory.mkdir()
    return directory


@pytest.fixture
def site(campus: Campus, finished: RunOf, backups: Path) -> Iterator[Site]:
    """Return beta with a category for us, which is deleted in the end."""
    _main, beta = campus
    if not (archives := list(backups.glob("*.mbz"))):
        archives = [back_up(beta, backups)]
    made = finished("courses/CreateCategory", [beta], f"path=VMoodle&idnumber={TOP}")
    assert made.counts()["failed"] == 0, made.jobs.get().error
    yield Site(beta, archives[0], finished)
    ended(finished("courses/DeleteCourseCategory", [beta], f"idnumber={TOP}&{NOW}"))


def back_up(tenant: Tenant, directory: Path) -> Path:
    """Make a course by Moodle's own generator, back it up, and delete it."""
    make = "admin/tool/generator/cli/maketestcourse.php"
    list(php.run(tenant, make, ["--shortname=VM-SEED", "--size=XS", "--bypasscheck"]))
    options = ["--courseshortname=VM-SEED", f"--destination={directory}"]
    list(php.run(tenant, "admin/cli/backup.php", options))
    [archive] = directory.glob("*.mbz")
    [(pk,)] = course(tenant, "id", "VM-SEED")
    delete = [f"--courseid={pk}", "--non-interactive", "--disablerecyclebin"]
    list(php.run(tenant, "admin/cli/delete_course.php", delete))
    return archive


def test_a_course_is_restored_under_its_names(site: Site):
    job = site.restore("VM-R1", "&fullname=Restored one&idnumber=vm-r1&visible=0")

    found = course(site.tenant, "id, fullname, idnumber, visible", "VM-R1")
    assert found == [(job.result["id"], "Restored one", "vm-r1", 0)]
    pages = rows(site.tenant, "page", "name", "course = %s", job.result["id"])
    assert pages
    assert rows(site.tenant, "course", "id", "shortname LIKE 'vmoodle-%%'") == []


def test_administrators_are_enrolled_as_teachers(site: Site):
    job = site.restore("VM-R2", "&enroladmins=adminsandmanagers")

    teachers = [
        name for name, role in enrolments(site.tenant, "VM-R2") if "teach" in role
    ]
    assert (teachers, job.result["enrolled"]) == (["admin"], 1)
    assert course(site.tenant, "fullname, visible", "VM-R2") == [("Test course: XS", 1)]


def enrolments(tenant: Tenant, shortname: str) -> list[tuple]:
    """Return the users that are enrolled by hand, with their role in the course."""
    names = ("course", "enrol", "user_enrolments", "user", "context", "role")
    tables = {name: moodledb.table(tenant, name) for name in names}
    assignments = moodledb.table(tenant, "role_assignments")
    return moodledb.query(
        tenant.server,
        f"""SELECT u.username, r.shortname FROM {tables["course"]} c
        JOIN {tables["enrol"]} e ON e.courseid = c.id AND e.enrol = 'manual'
        JOIN {tables["user_enrolments"]} ue ON ue.enrolid = e.id
        JOIN {tables["user"]} u ON u.id = ue.userid
        JOIN {tables["context"]} x ON x.contextlevel = 50 AND x.instanceid = c.id
        JOIN {assignments} a ON a.contextid = x.id AND a.userid = u.id
        JOIN {tables["role"]} r ON r.id = a.roleid
        WHERE c.shortname = %s AND e.status = 0 ORDER BY u.username""",
        [shortname],
    )


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        (
            "shortname=VM-X&catidnumber=nowhere",
            "no category has the ID number 'nowhere'",
        ),
        (
            f"shortname=VM-TAKEN&catidnumber={TOP}",
            "has the short name 'VM-TAKEN' already",
        ),
        (f"shortname=VM-X&idnumber=vm-n&catidnumber={TOP}", "ID number 'vm-n' already"),
    ],
    ids=["category", "shortname", "idnumber"],
)
def test_what_cannot_be_restored_is_told_at_once(
    site: Site, run_of, attributes, sentence
):
    site.restore("VM-TAKEN", "&idnumber=vm-n&enroladmins=none")

    run = run_of(
        "courses/RestoreCourse", [site.tenant], f"location={site.backup}&{attributes}"
    )

    job = ended(run, "failed")
    assert sentence in job.error
    assert job.started_at is None


def test_a_damaged_backup_leaves_nothing_behind(site: Site, tmp_path: Path):
    whole = site.backup.read_bytes()
    site.backup = tmp_path / "half.mbz"
    site.backup.write_bytes(whole[: len(whole) // 2])

    job = site.restore("VM-HALF", state="failed")

    assert job.error == f"{site.backup} is no Moodle backup, or is damaged"
    assert half_done(site.tenant) == []


def half_done(tenant: Tenant) -> list[object]:
    """Return the courses and the directories that a restore has left behind."""
    directories = Path(tenant.data_path, "temp/backup").glob("vmoodle-restore-*")
    left = rows(tenant, "course", "id, shortname", "shortname LIKE 'vmoodle-%%'")
    return [*left, *directories]


def test_a_restore_that_is_cut_off_leaves_nothing_behind(site: Site, run_of, settings):
    site.restore("VM-WHOLE", "&enroladmins=none")  # has the full name of the backup
    run = run_of(
        "courses/RestoreCourse",
        [site.tenant],
        f"location={site.backup}&shortname=VM-CUT&catidnumber={TOP}&{NOW}",
    )
    job = claim_next(run, host.this_process())
    assert job
    lock = moodledb.log_in(site.tenant, 60)
    lock.query(f"LOCK TABLES {moodledb.table(site.tenant, 'page')} WRITE")  # it waits
    seen: list[tuple] = []

    def interrupted() -> bool:
        seen.extend(rows(site.tenant, "course", "id", "shortname LIKE 'vmoodle-%%'"))
        if seen:
            lock.close()
        return bool(seen)

    tasks.execute(job, interrupted=interrupted)

    assert seen  # it was there when the job was cancelled
    assert ended(run, "cancelled")
    assert half_done(site.tenant) == []
    assert course(site.tenant, "id", "VM-CUT") == []


def test_courses_are_found_by_patterns(site: Site):
    site.restore("VM-C1", "&fullname=Found one&idnumber=vm-c1&enroladmins=none")
    site.restore("VM-C2", "&fullname=Found two&enroladmins=none")

    both = site.do("CheckCourse", "fullname=Found%25").result
    first = site.do("CheckCourse", "shortname=VM-C_&fullname=Found one").result
    none = site.do("CheckCourse", "idnumber=VM-C1")

    assert both == {
        "columns": ["shortname", "fullname", "idnumber"],
        "rows": [["VM-C1", "Found one", "vm-c1"], ["VM-C2", "Found two", ""]],
        "truncated": False,
    }
    assert [row[0] for row in first["rows"]] == ["VM-C1", "VM-C2"]
    assert none.result["rows"] == []
    assert none.text()[0] == "No course has idnumber like 'VM-C1'\n"


def test_every_course_that_fits_is_deleted(site: Site):
    site.restore("VM-D1", "&fullname=Doomed one&enroladmins=none")
    site.restore("VM-D2", "&fullname=Doomed two&enroladmins=none")
    site.restore("VM-D3", "&fullname=Spared three&enroladmins=none")

    job = site.do("DeleteCourse", f"fullname=Doomed%25&{NOW}")

    assert job.result == {"deleted": ["VM-D1", "VM-D2"]}
    assert job.text()[0].startswith(
        "2 to delete:\n[VM-D1] Doomed one ()\n[VM-D2] Doomed two ()\n"
    )
    left = rows(site.tenant, "course", "shortname", "shortname LIKE 'VM-D_'")
    assert left == [("VM-D3",)]


def test_a_course_is_deleted_by_its_exact_id_number(site: Site):
    site.restore("VM-D4", "&idnumber=vm-d4&enroladmins=none")

    site.do("DeleteCourse", f"idnumber=VM-D4&{NOW}", "failed")
    site.do("DeleteCourse", f"idnumber=vm-d%25&{NOW}", "failed")
    job = site.do("DeleteCourse", f"idnumber=vm-d4&{NOW}")

    assert job.result == {"deleted": ["VM-D4"]}


def test_the_front_page_is_not_deleted(site: Site):
    [(short,)] = rows(site.tenant, "course", "shortname", "category = 0")

    job = site.do("DeleteCourse", f"shortname={short}&{NOW}", "failed")

    assert job.error == f"no course has shortname = '{short}'"
    assert rows(site.tenant, "course", "shortname", "category = 0") == [(short,)]


def test_a_deletion_waits_for_its_time(site: Site, run_of: RunOf):
    site.restore("VM-W1", "&enroladmins=none")

    run = run_of("courses/DeleteCourse", [site.tenant], "shortname=VM-W1&delay=30")

    tasks.lane(run.pk)
    assert ended(run, "queued").not_before > timezone.now() + timedelta(minutes=29)
    assert len(course(site.tenant, "id", "VM-W1")) == 1

    run.jobs.update(not_before=timezone.now())
    tasks.reap()
    tasks.lane(run.pk)
    assert ended(run).result == {"deleted": ["VM-W1"]}


def test_a_category_is_emptied_and_kept(site: Site):
    site.do("CreateCategory", "path=VMoodle/Empty/Below&idnumber=VM-BELOW")
    site.do("CreateCategory", "path=VMoodle/Empty&idnumber=VM-EMPTY")
    site.restore("VM-E1", "&enroladmins=none", category="VM-EMPTY")
    site.restore("VM-E2", "&enroladmins=none", category="VM-BELOW")

    job = site.do("EmptyCourseCategory", f"idnumber=VM-EMPTY&{NOW}")
    again = site.do("EmptyCourseCategory", f"idnumber=VM-EMPTY&{NOW}", "skipped")

    assert job.result == {"categories": 1, "courses": ["VM-E1", "VM-E2"]}
    assert again.error == "there is nothing in 'Empty'"
    assert category(site.tenant, "VM-EMPTY") == [("Empty", 1, 2)]
    assert category(site.tenant, "VM-BELOW") == []
    assert rows(site.tenant, "course", "id", "shortname LIKE 'VM-E_'") == []


def category(tenant: Tenant, idnumber: str) -> list[tuple]:
    """Return name, visible and depth."""
    columns = "name, visible, depth"
    return rows(tenant, "course_categories", columns, "idnumber = %s", idnumber)


def test_a_category_is_deleted_with_all_that_is_in_it(site: Site):
    site.do("CreateCategory", "path=VMoodle/Gone/Below&idnumber=VM-BELOW")
    site.do("CreateCategory", "path=VMoodle/Gone&idnumber=VM-GONE")
    site.restore("VM-G1", "&enroladmins=none", category="VM-BELOW")

    job = site.do("DeleteCourseCategory", f"idnumber=VM-GONE&{NOW}")
    again = site.do("DeleteCourseCategory", f"idnumber=VM-GONE&{NOW}", "failed")

    assert job.result == {"categories": 2, "courses": ["VM-G1"]}
    assert again.error == "no category has the ID number 'VM-GONE'"
    assert category(site.tenant, "VM-BELOW") == []
    assert course(site.tenant, "id", "VM-G1") == []


def test_categories_are_looked_up_level_by_level(site: Site):
    site.do("CreateCategory", "path=VMoodle/One/Same&idnumber=VM-S1")

    job = site.do("CreateCategory", "path=VMoodle/Two / Same/&idnumber=VM-S2&visible=0")

    assert job.result["created"] == ["Two", "Same"]
    assert category(site.tenant, "VM-S1") == [("Same", 1, 3)]
    assert category(site.tenant, "VM-S2") == [("Same", 0, 3)]
    parents = rows(site.tenant, "course_categories", "parent", "name = 'Same'")
    assert len(set(parents)) == 2


def test_a_category_that_is_there_is_changed(site: Site):
    site.do("CreateCategory", "path=VMoodle/There&idnumber=VM-OLD")

    changed = site.do("CreateCategory", "path=VMoodle/There&idnumber=VM-NEW&visible=0")
    same = site.do("CreateCategory", "path=VMoodle/There&visible=0", "skipped")
    taken = site.do("CreateCategory", "path=VMoodle/Other&idnumber=VM-NEW", "failed")

    assert changed.result["changed"] == ["idnumber", "visible"]
    assert category(site.tenant, "VM-NEW") == [("There", 0, 2)]
    assert same.error == "it is there, and as it shall be"
    assert taken.error == "the category 'There' has the ID number 'VM-NEW' already"
    assert rows(site.tenant, "course_categories", "id", "name = 'Other'") == []


def test_hiding_a_category_hides_its_courses(site: Site):
    site.do("CreateCategory", "path=VMoodle/Veiled&idnumber=VM-V")
    site.restore("VM-V1", "&enroladmins=none", category="VM-V")

    site.do("SetCategoryVisibility", "idnumber=VM-V&visible=0")
    hidden = course(site.tenant, "visible", "VM-V1")
    again = site.do("SetCategoryVisibility", "idnumber=VM-V&visible=0", "skipped")
    site.do("SetCategoryVisibility", "idnumber=VM-V&visible=1")

    assert (hidden, again.error) == ([(0,)], "it is so already")
    assert course(site.tenant, "visible", "VM-V1") == [(1,)]


def test_a_course_is_hidden_and_shown(site: Site):
    site.restore("VM-H1", "&idnumber=vm-h1&enroladmins=none")

    site.do("SetCourseVisibility", "idnumber=vm-h1&visible=0")
    hidden = course(site.tenant, "visible", "VM-H1")
    site.do("SetCourseVisibility", "idnumber=vm-h1")
    unknown = site.do("SetCourseVisibility", "idnumber=vm-nowhere", "failed")

    assert hidden == [(0,)]
    assert course(site.tenant, "visible", "VM-H1") == [(1,)]
    assert unknown.error == "no course has the ID number 'vm-nowhere'"
