import getpass
import io
from pathlib import Path

import pytest

from commands.models import Job, Run
from tenants import moodledb
from tenants.models import Tenant
from tests.commands.conftest import Manage, assert_refused
from tests.commands.system.conftest import job_of, put_script

SCRIPT = "admin/cli/reset_password.php"
STRONG = "Näu-1234 x"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def password_of(tenant: Tenant, user: str = "admin") -> str:
    table = moodledb.table(tenant, "user")
    sql = f"SELECT password FROM {table} WHERE username = %s"
    return moodledb.query(tenant.server, sql, [user])[0][0]


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """Return the option that reads the new password from a file."""
    path = tmp_path / "secret"
    path.write_text(f"{STRONG}\n", encoding="utf-8")
    return f"--password-file={path}"


def test_a_password_from_a_file_is_set(manage: Manage, tenant: Tenant, secret: str):
    before = password_of(tenant)

    said = manage("reset_password", f"--host={tenant.wwwroot}", "-u", "admin", secret)

    assert said.code == 0, said.err
    assert password_of(tenant) != before
    assert password_of(tenant, "guest") != password_of(tenant)


def test_it_is_seen_nowhere(manage: Manage, tenant: Tenant, secret: str):
    body = 'echo "read: ", strlen(fread(STDIN, 2048)), "\\nPassword changed\\n";'
    put_script(tenant, SCRIPT, body)

    manage("reset_password", f"--host={tenant.wwwroot}", "-u", "admin", secret)

    job = job_of(Run.objects.get())
    assert job.state == Job.State.SUCCEEDED, job.error
    assert (
        job.text()[0]
        == f"--username=admin\nread: {len(STRONG) + 2}\nPassword changed\n"
    )
    assert job.run.attributes == "username=admin"
    assert not job.run.secrets


def test_a_terminal_is_asked(manage: Manage, tenant: Tenant, monkeypatch):
    asked = []
    monkeypatch.setattr("sys.stdin", Terminal("admin\n"))
    monkeypatch.setattr(
        getpass, "getpass", lambda text: asked.append(text) or "Neu-12345"
    )
    before = password_of(tenant)

    said = manage("reset_password", f"--host={tenant.wwwroot}")

    assert said.code == 0, said.err
    assert "User name: " in said.out
    assert asked == ["Password: ", "Password again: "]
    assert password_of(tenant) != before


def test_a_terminal_that_ends_is_no_answer(manage: Manage, tenant: Tenant, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _text: "Neu-12345")

    said = manage("reset_password", f"--host={tenant.wwwroot}")

    assert said.code == 2
    assert "username: This field is required" in said.err


def test_a_weak_one_is_refused_by_the_site(manage: Manage, tenant: Tenant):
    before = password_of(tenant)
    words = ["-u", "admin", "-p", "weak"]

    said = manage("reset_password", f"--host={tenant.wwwroot}", *words)

    assert said.code == 1
    assert "Passwords must be at least 8 characters long" in said.err
    assert password_of(tenant) == before

    said = manage("reset_password", f"--host={tenant.wwwroot}", *words, "-i")

    assert said.code == 0
    assert password_of(tenant) != before


def test_an_unknown_user_is_told(manage: Manage, tenant: Tenant, secret: str):
    said = manage("reset_password", f"--host={tenant.wwwroot}", "-u", "nobody", secret)

    assert said.code == 1
    assert "Can not find user 'nobody'" in said.err


def test_a_script_that_changes_nothing_fails(manage: Manage, tenant: Tenant, secret):
    put_script(tenant, SCRIPT, "exit(0);")

    said = manage("reset_password", f"--host={tenant.wwwroot}", "-u", "admin", secret)

    assert said.code == 1
    assert "the password was not changed" in said.err


def test_many_sites_get_it_by_workers(manage: Manage, tenant: Tenant, secret, workers):
    before = password_of(tenant)

    said = manage("bulkresetpassword", "--username=admin", secret)

    assert said.code == 0, said.out
    assert password_of(tenant) != before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-u", "admin"], "password: Give the new one: in a shell at a prompt or"),
        (["-p", "x"], "username: This field is required"),
        (["-u", "admin", "-p", " x"], "password: It cannot begin or end with a space"),
        (["-u", "admin", "-p", "x\ty"], "password: It cannot begin or end with"),
        (["-u", "a", "--password-file=/none"], "--password-file /none cannot be read"),
    ],
    ids=["no password", "no name", "a space", "a tab", "no file"],
)
def test_bad_use_is_refused(manage, bare: Tenant, monkeypatch, words, sentence: str):
    monkeypatch.setattr("sys.stdin", io.StringIO())

    said = manage("reset_password", f"--host={bare.wwwroot}", *words)

    assert_refused(said, sentence)
