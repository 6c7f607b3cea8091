"""An LDAP directory of the tests' own: slapd on a port of the loopback interface."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.moodle.fleet import answers, free_port
from tests.patience import PATIENCE, eventually

PROGRAM = shutil.which("slapd", path="/usr/local/sbin:/usr/sbin:/usr/bin")
BASE = "dc=example,dc=org"
CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {home}/pid
database mdb
suffix "{base}"
directory {home}/data
"""
TOP = f"""dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: ou=classes,{BASE}
objectClass: organizationalUnit
ou: classes
"""
PERSON = f"""
dn: uid={{uid}},ou=people,{BASE}
objectClass: inetOrgPerson
uid: {{uid}}
cn: {{uid}}
givenName: Ada
sn: {{uid}}
mail: {{uid}}@example.org
"""
CLASS = f"""
dn: cn={{cn}},ou=classes,{BASE}
objectClass: posixGroup
cn: {{cn}}
gidNumber: 1
"""


class Directory:
    """Has people, and classes of them, as many as `fill` was given."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.url = f"ldap://127.0.0.1:{self.port}"
        self.conf = home / "slapd.conf"
        self.conf.write_text(CONF.format(home=home, base=BASE))
        self.process: subprocess.Popen[bytes] | None = None

    def fill(self, people: list[str], classes: dict[str, list[str]]) -> None:
        """Let these be all that there is, and serve them."""
        self.stop()
        shutil.rmtree(self.home / "data", ignore_errors=True)
        (self.home / "data").mkdir()
        ldif = TOP + "".join(PERSON.format(uid=uid) for uid in people)
        for cn, members in classes.items():
            ldif += CLASS.format(cn=cn)
            ldif += "".join(f"memberUid: {uid}\n" for uid in members)
        assert PROGRAM
        add = [PROGRAM, "-T", "add", "-f", str(self.conf)]
        subprocess.run(add, input=ldif.encode(), check=True, capture_output=True)
        self.process = subprocess.Popen(
            [PROGRAM, "-f", str(self.conf), "-h", self.url, "-d", "0"],
            stderr=subprocess.DEVNULL,
        )
        eventually(lambda: answers(self.port), "slapd did not start")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)


@contextmanager
def directory(home: Path) -> Iterator[Directory]:
    made = Directory(home)
    try:
        yield made
    finally:
        made.stop()
