"""Which settings belong to one site alone."""

import pytest
from django.utils import translation

from tenants import bound, confidential

PLACES = ["https://a.example.org", "/srv/data/a", "/srv/moodle/4.3"]


@pytest.mark.parametrize(
    "name",
    [
        *("version", "release", "allversionshash", "upgraderunning", "rolesactive"),
        *("wwwroot", "dataroot", "dirroot", "cachedir", "dbpass", "dbhost", "prefix"),
        *("siteidentifier", "passwordsaltmain", "calendar_exportsalt", "siteadmins"),
        *("mnet_localhost_id", "themerev", "jsrev", "WWWROOT", "Version"),
    ],
)
def test_a_setting_of_the_site_alone_is_never_set(name: str):
    assert bound.never_set(name).startswith(f"{name} ")


@pytest.mark.parametrize(
    "name",
    ["theme", "auth", "sitename", "sitepolicy", "debug", "smtppass", "dateformat"],
)
def test_another_may_be_set(name: str):
    assert bound.never_set(name) == ""


@pytest.mark.parametrize(
    ("plugin", "name"),
    [
        *(("quiz", "version"), ("theme_boost", "themerev"), ("tool_task", "lastcron")),
        *(("mod_lti", "kid"), ("enrol_lti", "lti_13_privatekey"), ("mnet", "openssl")),
    ],
)
def test_of_plugins_too(plugin: str, name: str):
    assert bound.never_set(name, plugin).startswith(f"{name} ")


@pytest.mark.parametrize(
    ("plugin", "name", "value"),
    [
        ("auth_db", "dbname", "staff"),
        ("tool_mobile", "minimumversion", "3.5"),
        ("scorm", "lastattemptlock", "1"),
        ("enrol_manual", "roleid_adv", "1"),
        ("enrol_meta", "nosyncroleids", ""),
        ("assign", "teamsubmissiongroupingid", "0"),
        ("block_html", "link", "https://a.example.org.evil.test/"),
        ("filter_tex", "pathlatex", "/usr/bin/latex"),
        ("local_x", "dir", "/srv/data/ab"),
    ],
)
def test_what_means_the_same_on_every_site_is_copied(plugin, name, value):
    assert bound.never_copied(name, value, plugin, PLACES) == ""


@pytest.mark.parametrize(
    ("plugin", "name", "value"),
    [
        ("quiz", "version", "2023100900"),
        ("enrol_manual", "roleid", "5"),
        ("enrol_imsenterprise", "imsrolemap01", "5"),
        ("mnet", "anything", "x"),
        ("local_x", "help", "see https://a.example.org/help"),
        ("local_x", "help", "https://a.example.org"),
        ("local_x", "dir", "/srv/data/a/x"),
        ("local_x", "dir", "/srv/moodle/4.3/local"),
    ],
)
def test_what_means_one_site_is_not_copied(plugin: str, name: str, value: str):
    assert bound.never_copied(name, value, plugin, PLACES).startswith(f"{name} ")


@pytest.mark.parametrize(
    "table",
    [
        *("sessions", "mnet_session", "task_adhoc", "lock_db", "cache_flags"),
        *("config", "config_plugins", "config_log", "role", "role_capabilities"),
        *("context", "user", "user_info_data", "user_password_history", "cohort"),
        *("external_tokens", "oauth2_issuer", "mnet_host", "local_x_secrets"),
        *("course", "course_modules", "quiz_attempts", "question", "groups_members"),
        *("assignfeedback_file", "workshopform_rubric", "files", "files_reference"),
        *("modules", "block", "repository", "enrol", "user_enrolments", "grade_items"),
    ],
)
def test_a_table_whose_rows_are_one_site_s_is_not_copied(table: str):
    assert bound.never_copied_table(table).startswith(f"{table} ")


def test_why_is_told_in_the_readers_language():
    tables = ["sessions", "config", "role", "user", "course", "files", "modules"]
    settings = ["wwwroot", "version", "jsrev", "siteidentifier", "siteadmins"]

    def whys() -> list[str]:
        place = bound.never_copied("help", PLACES[0], "local_x", PLACES)
        mnet = bound.never_copied("x", "x", "mnet", PLACES)
        found = [*map(bound.never_copied_table, [*tables, "mnet_host"])]
        return [place, mnet, *found, *map(bound.never_set, settings)]

    english = whys()
    with translation.override("fr"):
        french = whys()

    assert {*english} & {*french} == set()
    assert french[0] == f"help nomme {PLACES[0]}"


def test_a_table_of_secrets_is_not_copied():
    assert all(bound.never_copied_table(table) for table in confidential.TABLES)


@pytest.mark.parametrize(
    "table",
    [
        *("user_info_field", "user_info_category", "h5p_libraries", "hvp_libraries"),
        *("license", "scale", "tag", "tool_usertours_tours", "local_pagebuilder"),
        *("competency_framework", "customfield_field", "chatbot_answers"),
    ],
)
def test_a_table_that_means_the_same_elsewhere_is_copied(table: str):
    assert bound.never_copied_table(table) == ""
