import pytest

from commands.courses import check_course
from commands.courses.check_course import CheckCourse


def found(finished, tenant, attributes: str) -> list[str]:
    job = finished("courses/CheckCourse", [tenant], attributes).jobs.get()
    assert job.state == "succeeded", job.error
    return [row[0] for row in job.result["rows"]]


@pytest.mark.parametrize(
    ("attributes", "names"),
    [
        ("shortname=MATH%25", ["MATH-7", "MATH-8"]),
        ("shortname=math%25", []),
        ("shortname=ART_7", ["ART_7"]),
        ("shortname=%25&fullname=nothing", ["ART_7", "MATH-7", "MATH-8"]),
        ("idnumber=m_&fullname=Art", ["MATH-7", "MATH-8"]),
        ("fullname=%258", ["MATH-8"]),
        ("fullname=The front page", []),
        ("shortname=' OR 1=1 -- ", []),
    ],
)
def test_the_first_criterion_decides(finished, school, attributes, names):
    assert found(finished, school, attributes) == names


def test_the_result_is_a_table(finished, school):
    run = finished("courses/CheckCourse", [school], "idnumber=m7")

    job = run.jobs.get()
    assert job.result == {
        "columns": ["shortname", "fullname", "idnumber"],
        "rows": [["MATH-7", "Mathematics 7", "m7"]],
        "truncated": False,
    }
    assert job.text()[0] == "[MATH-7] Mathematics 7 (m7)\n"


def test_no_more_than_so_many_are_told(finished, school, monkeypatch):
    monkeypatch.setattr(check_course, "MOST", 2)

    job = finished("courses/CheckCourse", [school], "shortname=%25").jobs.get()

    assert (len(job.result["rows"]), job.result["truncated"]) == (2, True)


def test_without_a_criterion_it_is_refused():
    form = CheckCourse({})

    assert form.non_field_errors() == ["Give one of shortname, idnumber, fullname"]


def test_a_site_without_courses_says_so(finished, add_tenant):
    bare = add_tenant("bare", install=False)

    job = finished("courses/CheckCourse", [bare], "shortname=x").jobs.get()

    assert job.state == "failed"
    assert "course' doesn't exist" in job.error
