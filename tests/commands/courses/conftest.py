"""Sites whose tables of courses are small and our own."""

import pytest

from tenants import moodledb
from tenants.models import Tenant
from tests.conftest import AddTenant

CREATE = """CREATE TABLE {course} (id INT PRIMARY KEY, category INT,
    shortname VARCHAR(255), fullname VARCHAR(254), idnumber VARCHAR(100));
CREATE TABLE {categories} (id INT PRIMARY KEY, idnumber VARCHAR(100))"""
COURSES = [
    (1, 0, "front", "The front page", ""),
    (2, 1, "MATH-7", "Mathematics 7", "m7"),
    (3, 1, "MATH-8", "Mathematics 8", "m8"),
    (4, 1, "ART_7", "Art", ""),
]


@pytest.fixture
def school(add_tenant: AddTenant) -> Tenant:
    """Return a tenant with some courses and the category `cat`, and nothing else."""
    tenant = add_tenant("school", install=False)
    tables = {
        "course": moodledb.table(tenant, "course"),
        "categories": moodledb.table(tenant, "course_categories"),
    }
    for statement in CREATE.format(**tables).split(";"):
        moodledb.execute(tenant.server, statement)
    for values in COURSES:
        insert = f"INSERT INTO {tables['course']} VALUES (%s, %s, %s, %s, %s)"
        moodledb.execute(tenant.server, insert, values)
    moodledb.execute(
        tenant.server, f"INSERT INTO {tables['categories']} VALUES (1, 'cat')"
    )
    return tenant
