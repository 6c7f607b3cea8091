"""What a test asks of a real site, of its database, and of the job that changed it."""

from pathlib import Path

from commands.models import Job, Run
from tenants import moodledb, php
from tenants.models import Tenant

Campus = tuple[Tenant, Tenant]  # alpha, the main tenant, and beta


def ended(run: Run, state: str = "succeeded") -> Job:
    """Return the only job of a run that has ended so."""
    job = run.jobs.get()
    assert job.state == state, (job.error, job.text()[0])
    return job


def rows(tenant: Tenant, table: str, columns: str, where: str, *values) -> list[tuple]:
    name = moodledb.table(tenant, table)
    sql = f"SELECT {columns} FROM {name} WHERE {where} ORDER BY id"
    return moodledb.query(tenant.server, sql, values)


def sql(tenant: Tenant, statement: str, *values) -> None:
    """Change the site's database; `mdl_` begins the names of its tables."""
    statement = statement.replace("mdl_", f"`{tenant.db_name}`.mdl_")
    moodledb.execute(tenant.server, statement, values)


def add_user(tenant: Tenant, name: str) -> int:
    host = moodledb.config_of(tenant, ["mnet_localhost_id"])["mnet_localhost_id"]
    sql(
        tenant,
        "INSERT INTO mdl_user (username, mnethostid, auth, confirmed, password, email, "
        "firstname, lastname) VALUES (%s, %s, 'manual', 1, 'x', %s, 'A', 'B')",
        *(name, host, f"{name}@example.org"),
    )
    return rows(tenant, "user", "id", "username = %s", name)[0][0]


def lose_a_grade(tenant: Tenant, course: int) -> None:
    """Enrol admin, give a grade, and let it be lost to all but the history."""
    script = Path(tenant.data_path, "vm-grade.php")
    script.write_text(
        f"""<?php
        define('CLI_SCRIPT', true);
        require '{tenant.release.path}/config.php';
        require_once $CFG->libdir . '/gradelib.php';
        require_once $CFG->libdir . '/enrollib.php';
        $manual = enrol_get_plugin('manual');
        $course = get_course({course});
        $manual->add_default_instance($course);
        $where = ['courseid' => $course->id, 'enrol' => 'manual'];
        $manual->enrol_user($DB->get_record('enrol', $where), get_admin()->id, 5);
        $item = new grade_item(['courseid' => $course->id, 'itemtype' => 'manual',
            'itemname' => 'vm', 'grademin' => 0, 'grademax' => 100], false);
        $item->insert();
        $item->update_final_grade(get_admin()->id, 42);
        foreach (grade_grade::fetch_all(['userid' => get_admin()->id]) as $grade) {{
            if ($grade->load_grade_item()->courseid == $course->id) {{
                $grade->delete('userdelete');
            }}
        }}
        """
    )
    list(php.run(tenant, script))
    script.unlink()
