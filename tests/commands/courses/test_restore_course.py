"""What it asks of Moodle; tests/moodle/test_courses.py proves it on a real one."""

from pathlib import Path

import pytest

from commands import agent, tasks
from commands.base import CommandFailed
from commands.courses.restore_course import RestoreCourse
from tenants.php import PhpError


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    path = tmp_path / "a b.mbz"
    path.touch()
    return path


def given(backup: Path, more: str = "") -> str:
    return f"location={backup}&shortname=new&catidnumber=cat{more}"


def test_it_hands_on_what_is_wanted(backup: Path):
    form = RestoreCourse.from_attributes(given(backup, "&visible=0&seed=7"))
    form.job = 12

    assert form.is_valid(), form.errors
    payload = form.payload(None)
    assert payload.pop("delay") == payload.pop("spread") == 60
    assert payload == {
        "shortname": "new",
        "fullname": "",
        "idnumber": "",
        "catidnumber": "cat",
        "location": str(backup),
        "visible": 0,
        "enroladmins": "managers",
        "seed": "7",
        "marker": "vmoodle-restore-12-7",
    }


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("a.mbz", "is not the full path of a backup"),
        ("/etc/passwd", "is not the full path of a backup"),
        ("/nowhere/a.mbz", "There is no file /nowhere/a.mbz"),
        ("/a\x00.mbz", "Null characters"),
    ],
)
def test_a_file_that_is_no_backup_is_refused(location: str, sentence: str):
    form = RestoreCourse({"location": location})

    assert sentence in form.errors["location"][0]


@pytest.mark.parametrize("more", ["&enroladmins=all", "&seed=x", "&shortname="])
def test_what_makes_no_sense_is_refused(backup: Path, more: str):
    text = given(backup).replace("&shortname=new", "") + more

    assert not RestoreCourse.from_attributes(text).is_valid()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("", ""),
        ("&catidnumber=none", "no category has the ID number 'none'"),
        ("&shortname=math-7", "a course has the short name 'math-7' already"),
        ("&idnumber=m8", "a course has the ID number 'm8' already"),
    ],
)
def test_what_is_in_the_way_is_told_at_once(run_of, school, backup, change, error):
    name = change[1:].partition("=")[0]
    kept = [
        pair for pair in given(backup).split("&") if not pair.startswith(f"{name}=")
    ]

    run = run_of("courses/RestoreCourse", [school], "&".join(kept) + change)

    job = run.jobs.get()
    assert (job.state, job.error) == ("failed" if error else "queued", error)


@pytest.fixture
def asked(monkeypatch) -> list:
    """Record what the agent is asked; the restore fails with an error of PHP's."""
    calls: list = []

    def ask(self, tenant, operation, payload):
        calls.append(operation)
        yield "restoring"
        raise PhpError("restore_course ended without an answer")

    def read(tenant, operation, payload):
        calls.append((operation, payload))

    monkeypatch.setattr(RestoreCourse, "ask", ask)
    monkeypatch.setattr(agent, "read", read)
    return calls


@pytest.fixture
def job(asked, run_of, school, backup):
    run = run_of("courses/RestoreCourse", [school], given(backup, "&delay=0&spread=0"))
    tasks.lane(run.pk)
    return run.jobs.get()


def test_what_a_failed_restore_leaves_is_deleted(job, asked):
    marker = {"marker": f"vmoodle-restore-{job.pk}"}

    assert asked == ["restore_course", ("abandon_restore", marker)]
    assert (job.state, job.error) == (
        "failed",
        "restore_course ended without an answer",
    )


def test_a_restore_that_cannot_be_undone_says_so(asked, monkeypatch, request):
    def read(*args):
        raise CommandFailed("the disk is full")

    monkeypatch.setattr(agent, "read", read)

    job = request.getfixturevalue("job")

    assert job.error == (
        "restore_course ended without an answer; what was restored of it is still "
        "there: the disk is full"
    )
