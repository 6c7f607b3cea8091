"""Files that a script of the site serves, whose path goes on behind the script."""

from urllib.parse import quote

import pytest

from tests.moodle.in_moodle import in_moodle
from tests.moodle.site import Campus
from tests.webserver import Server

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
# Directory and name are a user's: letters of theirs, and what looks like a script.
FOLDER, NAME = "/of all/é/", "notes.php"
PATH = f"/pluginfile.php/1/theme_boost/backgroundimage/-1{quote(FOLDER + NAME)}"
RECORD = f"""[
    'contextid' => $system, 'component' => 'theme_boost', 'itemid' => 0,
    'filearea' => 'backgroundimage', 'filepath' => '{FOLDER}', 'filename' => '{NAME}']
"""
FILL = f"$fs->create_file_from_string({RECORD}, $in);"
CLEAR = "$fs->delete_area_files($system, 'theme_boost', 'backgroundimage');"


@pytest.fixture
def notes(campus: Campus):
    """Let each site have a file of its own at the same place."""
    for tenant in campus:
        in_moodle(tenant, FILL, f"notes of {tenant.shortname}")
    yield campus
    for tenant in campus:
        in_moodle(tenant, CLEAR)


def test_a_file_is_that_of_the_site_that_is_asked(front: Server, notes: Campus):
    for tenant in notes:
        host = f"{tenant.shortname}.example.org"

        answer, body = front.get(host, PATH)

        assert (answer.status, body) == (200, f"notes of {tenant.shortname}".encode())
        assert answer.headers["content-type"].startswith("text/plain")
        assert front.get(host, f"{PATH}x")[0].status == 404

    assert front.get("gamma.example.org", PATH)[0].status == 404
