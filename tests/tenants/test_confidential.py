import MySQLdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants import confidential

SECRET = """
    smtppass proxypassword cronremotepassword bind_pw dbpass clientsecret secretkey
    bigbluebuttonbn_shared_secret matrixaccesstoken apikey googlemapkey3 privatekey
    passwordsaltmain calendar_exportsalt openssl openssl_history siteidentifier
    backup_encryptkey reposecretkey secretphrase RecaptchaPrivateKey credentials
"""
BITS = """
    pass word pw key public private token secret salt by open ssl site identifier _ 1 9
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_a_setting_whose_name_is_secret_is_hidden(name):
    assert confidential.shown(name, "value") == confidential.HIDDEN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "boost"),
        ("minpasswordlength", "12"),
        ("passwordpolicy", "1"),
        ("requirepassword", "1"),
        ("forgottenpasswordurl", "https://example.org"),
        ("tokenduration", "7257600"),
        ("recaptchapublickey", "abc"),
        ("proxybypass", "localhost"),
        ("smtppass", ""),
        ("groupkey", "0"),
    ],
)
def test_any_other_setting_is_shown(name, value):
    assert confidential.shown(name, value) == value


@pytest.fixture(scope="module")
def connection(mariadb):
    found = MySQLdb.connect(
        unix_socket=mariadb.socket,
        user="vmoodle",
        passwd=mariadb.password,
        charset="utf8mb4",
    )
    yield found
    found.close()


NAMES = st.lists(
    st.sampled_from(BITS.split())
    | st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=3),
    max_size=5,
).map("".join)


@given(name=NAMES, value=st.sampled_from(["", "0", "1", "2", "a secret"]))
@settings(max_examples=300, deadline=None)
def test_sql_and_python_hide_the_same(connection, name, value):
    table = confidential.without_secrets(
        "config", "(SELECT 1 AS id, %s AS name, %s AS value) x"
    )

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT value FROM {table} y", [name, value])
        [(shown,)] = cursor.fetchall()

    assert shown == confidential.shown(name, value)
