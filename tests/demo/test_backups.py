"""Courses of the sandbox are backed up, by hand and by cron, and restored."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from tenants import php
from tests.conftest import RunOf
from tests.demo.site import DONE, NOW, Pair, Told, change, read
from tests.demo.test_courses import make_course
from tests.demo.test_files import content

pytestmark = pytest.mark.django_db
PEOPLE = (
    "SELECT u.username, r.shortname FROM {course} c"
    " JOIN {enrol} e ON e.courseid = c.id JOIN {user_enrolments} n ON n.enrolid = e.id"
    " JOIN {user} u ON u.id = n.userid"
    " JOIN {context} x ON x.contextlevel = 50 AND x.instanceid = c.id"
    " JOIN {role_assignments} a ON a.contextid = x.id AND a.userid = u.id"
    " JOIN {role} r ON r.id = a.roleid WHERE c.shortname = %s ORDER BY u.username"
)


@pytest.fixture
def archive(pair: Pair, finished: RunOf, tmp_path: Path) -> Path:
    """Return a backup of a course of one with a student, a text, and a picture."""
    one, _two = pair
    course = make_course(one, "maths")
    change(one, "UPDATE {course} SET summary = %s WHERE id = %s", "<b>é</b>&", course)
    place = "SELECT id FROM {context} WHERE contextlevel = 50 AND instanceid = %s"
    [(context,)] = read(one, place, course)
    file = content(one, "picture")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("picture")
    change(
        one,
        "INSERT INTO {files} (contextid, component, filearea, itemid, filepath,"
        " filename, contenthash, filesize, pathnamehash)"
        " VALUES (%s, 'course', 'overviewfiles', 0, '/', 'a.png', %s, 7, 'x')",
        *(context, file.name),
    )
    where = f"destination={tmp_path}/{{shortname}}"
    job = finished("system/Backup", [one], f"courseshortname=maths&{where}").jobs.get()
    assert job.state == DONE, job.error
    path = Path(job.result["file"])
    assert (path.parent.name, path.stat().st_size) == ("one", job.result["bytes"])
    return path


def test_a_course_is_restored_with_its_people_and_files(
    pair: Pair, told: Told, archive: Path
):
    _one, two = pair
    told("courses/CreateCategory", "path=A&idnumber=a")
    given = f"location={archive}&catidnumber=a&shortname=again&{NOW}"

    restore = f"{given}&enroladmins=siteadmins&visible=0"
    assert told("courses/RestoreCourse", restore) == [DONE, DONE]

    course = "SELECT category, fullname, summary, visible FROM {course}"
    assert read(two, f"{course} WHERE shortname = 'again'") == [
        (2, "Test course: XS", "<b>é</b>&", 0)
    ]
    people = [("admin", "editingteacher"), ("tool_generator_000001", "student")]
    assert read(two, PEOPLE, "again") == people
    files = "SELECT filename, contenthash FROM {files} WHERE filearea = 'overviewfiles'"
    assert read(two, f"{files} AND filename <> '.'") == [
        ("a.png", content(two, "picture").name)
    ]
    assert content(two, "picture").read_text() == "picture"
    assert not list(Path(two.data_path, "temp/backup").iterdir())
    taken = "a course has the short name 'again' already"
    assert told("courses/RestoreCourse", restore) == [taken, taken]


def test_a_damaged_backup_leaves_nothing_behind(pair: Pair, told: Told, archive: Path):
    _one, two = pair
    told("courses/CreateCategory", "path=A&idnumber=a")
    archive.write_bytes(archive.read_bytes()[:300])
    before = read(two, "SELECT COUNT(*) FROM {context}")

    given = f"location={archive}&catidnumber=a&shortname=again&{NOW}"
    damaged = f"{archive} is no Moodle backup, or is damaged"
    assert told("courses/RestoreCourse", given) == [damaged, damaged]

    assert read(two, "SELECT COUNT(*) FROM {context}") == before
    assert not list(Path(two.data_path, "temp/backup").iterdir())


def test_a_backup_of_a_real_moodle_is_refused(pair: Pair, told: Told, archive: Path):
    told("courses/CreateCategory", "path=A&idnumber=a")
    with ZipFile(archive) as own:
        information = own.read("moodle_backup.xml")
    with ZipFile(archive, "w") as other:
        other.writestr("moodle_backup.xml", information.replace(b"sandbox>", b"name>"))

    given = f"location={archive}&catidnumber=a&shortname=again&{NOW}"
    own = "it cannot be restored: the sandbox restores its own backups only"
    assert told("courses/RestoreCourse", given) == [own, own]
    left = "SELECT shortname FROM {course} WHERE category <> 0"
    assert [read(tenant, left) for tenant in pair] == [[("maths",)], []]


def test_a_course_whose_file_is_lost_is_not_backed_up(
    pair: Pair, told: Told, archive: Path
):
    content(pair[0], "picture").unlink()

    [lost, _none] = told("system/Backup", "courseshortname=maths")

    assert "admin/cli/backup.php ended with exit code 1" in lost
    kept = "SELECT id FROM {files} WHERE component = 'backup' AND filename <> '.'"
    assert read(pair[0], kept) == []


def test_a_course_is_backed_up_into_its_own_area(pair: Pair, finished: RunOf):
    for tenant in pair:
        make_course(tenant, "maths")

    run = finished("system/Backup", pair, "courseshortname=maths")
    nowhere = finished("system/Backup", pair, "courseid=99")

    for job in run.jobs.all():
        kept = "SELECT filesize, contenthash FROM {files} WHERE filename = %s"
        [(size, name)] = read(job.tenant, kept, job.result["file"])
        path = Path(job.tenant.data_path, "filedir", name[:2], name[2:4], name)
        assert size == job.result["bytes"] == path.stat().st_size
    for job in nowhere.jobs.all():
        assert "admin/cli/backup.php ended with exit code 1" in job.error


def test_automated_backups_are_queued_and_made_by_cron(pair: Pair, finished: RunOf):
    for tenant in pair:
        make_course(tenant, "maths")
        switched = "(plugin, name, value) VALUES ('backup', 'backup_auto_active', '2')"
        change(tenant, "INSERT INTO {config_plugins} " + switched)
    script = "system/AutomatedBackups"

    first = [job.result for job in finished(script, pair).jobs.all()]
    for tenant in pair:
        change(tenant, "UPDATE {backup_courses} SET nextstarttime = 1")
    second = [job.result for job in finished(script, pair).jobs.all()]
    list(php.run(pair[1], "admin/cli/cron.php"))

    assert first == [{"courses": {"not yet run": 1}}] * 2
    assert second == [{"courses": {"queued": 1}}] * 2
    assert read(pair[1], "SELECT laststatus FROM {backup_courses}") == [("1",)]
    assert read(pair[1], "SELECT id FROM {task_adhoc}") == []
    made = "SELECT COUNT(*) FROM {files} WHERE filearea = 'automated'"
    assert read(pair[1], made) == [(2,)]  # and the directory
