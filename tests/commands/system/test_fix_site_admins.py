"""What it asks of Moodle; tests/moodle/test_system.py proves it on a real one."""

import pytest

from commands.system.fix_site_admins import FixSiteAdmins
from tests.commands.conftest import Manage, assert_refused
from tests.commands.system.conftest import complaints

pytestmark = pytest.mark.django_db


def test_it_tells_moodle_which_is_the_main_tenant(rows):
    main, other = rows(2)
    main.is_main = True
    type(main).objects.bulk_update([main], ["is_main"])
    form = FixSiteAdmins.from_attributes("userscheme=nx-%25&withmnetadmins=1")

    assert form.is_valid()
    assert form.payload(other) == {
        "userscheme": "nx-%",
        "withmnetadmins": True,
        "fixguest": False,
        "main": main.wwwroot,
    }


@pytest.mark.parametrize("pattern", ["%25", "_%25"])
def test_a_pattern_that_fits_everybody_is_refused(pattern: str):
    [complaint] = complaints(FixSiteAdmins, f"userscheme={pattern}")

    assert "fits everybody" in complaint


@pytest.mark.parametrize("name", ["fix_site_admins", "bulkfixsiteadmins"])
def test_the_shell_checks_the_pattern(manage: Manage, add_tenant, workers, name: str):
    tenant = add_tenant("one", install=False)
    host = [f"--host={tenant.wwwroot}"] if name == "fix_site_admins" else []

    assert_refused(manage(name, *host, "-u", "%"), "fits everybody")
