from pathlib import Path

import pytest

from tenants import moodledb
from tenants.models import DatabaseServer
from tests.commands.conftest import Manage, assert_refused
from tests.conftest import MariaDb


@pytest.fixture
def password(tmp_path: Path, mariadb: MariaDb) -> str:
    """Return the option that gives the password."""
    (tmp_path / "password").write_text(f"{mariadb.password}\n")
    return f"--admin-password-file={tmp_path}/password"


def test_a_server_is_entered(manage: Manage, mariadb: MariaDb, password: str):
    at = f"--socket={mariadb.socket}"

    said = manage("add_server", "db7", at, "--admin-user=vmoodle", password)

    assert (said.code, said.out, said.err) == (0, "db7 is entered\n", "")
    server = DatabaseServer.objects.get()
    assert (server.name, server.host, server.port) == ("db7", "localhost", 3306)
    assert (server.job_limit, server.admin_password) == (4, mariadb.password)
    assert moodledb.query(server, "SELECT 1") == [(1,)]

    again = manage("add_server", "db8", at, "--admin-user=vmoodle", password)
    assert_refused(again, "This is the database server db7 already")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--socket=/nowhere"], "--admin-user: This field is required."),
        (["--admin-user=x", "--socket=x"], "--socket: 'x' is not a plain"),
        (["--admin-password-file=/no"], "--admin-password-file /no cannot be read"),
        (["--admin-user=x", "--port=0"], "--port: Ensure this value is greater"),
        (["--admin-user=x", "--socket=/nowhere"], "database server db7: Can't connect"),
    ],
)
def test_what_cannot_be_reached_is_not_entered(manage: Manage, options, sentence):
    assert_refused(manage("add_server", "db7", *options), sentence)
    assert not DatabaseServer.objects.exists()


def test_an_account_that_may_do_little_is_told(
    manage: Manage, mariadb: MariaDb, server: DatabaseServer
):
    moodledb.execute(server, "CREATE USER IF NOT EXISTS little@localhost")
    DatabaseServer.objects.all().delete()

    said = manage(
        "add_server", "db7", f"--socket={mariadb.socket}", "--admin-user=little"
    )

    moodledb.execute(server, "DROP USER little@localhost")
    assert said.code == 0, said.err
    assert "Its account lacks SELECT, INSERT, UPDATE" in said.err
