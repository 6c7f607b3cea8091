import pytest

from commands.models import Job
from commands.system import mysql_engine
from commands.system.mysql_engine import MysqlEngine
from tenants import moodledb
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import complaints, job_of
from tests.conftest import RunOf

ENGINE = "system/MysqlEngine"


@pytest.fixture
def mixed(bare: Tenant) -> Tenant:
    """Return a tenant with tables of two engines, and one that is not its own."""
    for name, engine in (("a", "MyISAM"), ("b", "MyISAM"), ("c", "InnoDB")):
        table = moodledb.table(bare, name)
        moodledb.execute(bare.server, f"CREATE TABLE {table} (id INT) ENGINE={engine}")
        moodledb.execute(bare.server, f"INSERT INTO {table} VALUES (7)")
    foreign = f"CREATE TABLE `{bare.db_name}`.other (id INT) ENGINE=MyISAM"
    moodledb.execute(bare.server, foreign)
    return bare


def engines(tenant: Tenant) -> dict[str, str]:
    sql = (
        "SELECT TABLE_NAME, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA=%s"
    )
    return dict(moodledb.query(tenant.server, sql, [tenant.db_name]))


def test_tables_of_another_engine_are_converted(finished: RunOf, mixed: Tenant):
    job = job_of(finished(ENGINE, [mixed], "engine=innodb"))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result == {"converted": 2, "skipped": 1}
    assert engines(mixed) == {
        "mdl_a": "InnoDB",
        "mdl_b": "InnoDB",
        "mdl_c": "InnoDB",
        "other": "MyISAM",
    }
    kept = f"SELECT id FROM {moodledb.table(mixed, 'a')}"
    assert moodledb.query(mixed.server, kept) == [(7,)]


def test_with_nothing_to_convert_it_is_skipped(finished: RunOf, mixed: Tenant):
    finished(ENGINE, [mixed], "engine=InnoDB")

    job = job_of(finished(ENGINE, [mixed], "engine=InnoDB"))

    assert job.state == Job.State.SKIPPED
    assert job.error == "all tables have this engine already"


@pytest.mark.parametrize("engine", ["BLACKHOLE", "MEMORY", "NoSuch", "x;y"])
def test_an_engine_that_loses_data_is_refused(finished: RunOf, mixed: Tenant, engine):
    before = engines(mixed)

    job = job_of(finished(ENGINE, [mixed], f"engine={engine.replace(';', '%3B')}"))

    assert "is no engine to keep data in here (there are: " in job.error
    assert "InnoDB" in job.error
    assert engines(mixed) == before


def test_a_table_that_cannot_be_converted_fails_the_job(
    finished: RunOf, mixed: Tenant, monkeypatch
):
    convert = mysql_engine._alter

    def alter(tenant: Tenant, name: str, engine: str):
        if name == "mdl_a":
            raise moodledb.MoodleDbError("the disk is full")
        yield from convert(tenant, name, engine)

    monkeypatch.setattr(mysql_engine, "_alter", alter)

    job = job_of(finished(ENGINE, [mixed], "engine=InnoDB"))

    assert job.error == (
        "1 of 2 tables were not converted, such as mdl_a: the disk is full"
    )
    assert engines(mixed)["mdl_b"] == "InnoDB"


def test_tables_and_engines_are_listed(finished: RunOf, mixed: Tenant):
    tables = job_of(finished(ENGINE, [mixed], "list=1"))
    server = job_of(finished(ENGINE, [mixed], "available=1"))

    assert tables.result == {"engines": {"MyISAM": 2, "InnoDB": 1}}
    assert "MyISAM     mdl_a\n" in tables.text()[0]
    assert "InnoDB" in server.result["available"]


@pytest.mark.parametrize("attributes", ["", "list=1&available=1", "engine=x&list=1"])
def test_one_of_the_three_is_wanted(attributes: str):
    [complaint] = complaints(MysqlEngine, attributes)

    assert complaint.endswith("Give one of engine, list and available")


def test_only_converting_is_dangerous():
    for attributes, dangerous in (("engine=InnoDB", True), ("list=1", False)):
        form = MysqlEngine.from_attributes(attributes)
        assert form.is_valid()
        assert form.is_dangerous() is dangerous


def test_the_shell_has_both_forms(manage: Manage, mixed: Tenant, workers):
    one = manage("mysql_engine", f"--host={mixed.wwwroot}", "-a")
    many = manage("bulkmysqlengine", "--engine=InnoDB", "--yes")

    assert (one.code, many.code) == (0, 0), (one, many)
    assert engines(mixed)["mdl_a"] == "InnoDB"
