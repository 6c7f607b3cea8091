import pytest
from django.utils import translation

from commands.plugins.compare import Compare
from tenants import php
from tests.commands.tables import change

pytestmark = pytest.mark.django_db


def column(tenant, **given):
    form = Compare({"source": tenant.wwwroot, **given})
    assert form.is_valid(), form.errors
    return form.columns([tenant])[tenant.pk]


def test_each_type_is_read_where_moodle_keeps_its_switch(sites):
    [tenant] = sites(1)

    found = {plugin: cell.value for plugin, cell in column(tenant).items()}

    assert found == {
        "auth/email": "on",
        "auth/ldap": "on",
        "auth/manual": "on",
        "filter/tex": "available",
        "mod/quiz": "on",
        "qtype/essay": "on",
        "report/log": "installed",
    }


@pytest.mark.parametrize(
    ("component", "statement", "state"),
    [
        ("auth_oauth2", "UPDATE {config} SET value = 'oauth2,ldap'", "on"),
        ("auth_cas", "SELECT 1", "off"),
        ("auth_nologin", "UPDATE {config} SET value = ''", "on"),
        ("editor_tinymce", "SELECT 1", "on"),
        ("editor_marklar", "SELECT 1", "off"),
        ("block_badges", "INSERT INTO {block} VALUES (1, 'badges', 1)", "on"),
        ("block_badges", "INSERT INTO {block} VALUES (1, 'badges', 0)", "off"),
        ("repository_url", "INSERT INTO {repository} VALUES (1, 'url', 1)", "on"),
        (
            "repository_url",
            "INSERT INTO {repository} VALUES (1, 'url', 0)",
            "available",
        ),
        ("repository_url", "SELECT 1", "off"),
        ("filter_tex", "UPDATE {filter_active} SET active = 1", "on"),
        ("filter_tex", "UPDATE {filter_active} SET active = -9999", "off"),
        ("filter_new", "SELECT 1", "off"),
        ("format_topics", "SELECT 1", "on"),
        ("format_topics", "{set} ('format_topics', 'disabled', '1')", "off"),
        ("format_topics", "{set} ('format_topics', 'disabled', '0')", "on"),
        ("contenttype_h5p", "{set} ('contentbank_h5p', 'disabled', '1')", "off"),
        ("contenttype_h5p", "{set} ('contenttype_h5p', 'disabled', '1')", "on"),
        ("qtype_match", "{set} ('question', 'match_disabled', '1')", "off"),
        ("qtype_match", "{set} ('other', 'match_disabled', '1')", "on"),
        (
            "qbehaviour_adaptive",
            "{set} ('question', 'disabledbehaviours', 'x,adaptive')",
            "off",
        ),
        ("qbehaviour_adaptive", "SELECT 1", "on"),
        (
            "logstore_standard",
            "{set} ('tool_log', 'enabled_stores', 'logstore_standard')",
            "on",
        ),
        ("logstore_legacy", "SELECT 1", "off"),
        ("aiprovider_openai", "{set} ('aiprovider_openai', 'enabled', '1')", "on"),
        ("aiprovider_openai", "SELECT 1", "off"),
        ("tool_log", "SELECT 1", "installed"),
    ],
)
def test_a_state_is_what_the_rows_mean(sites, component, statement, state):
    [tenant] = sites(1)
    insert = "INSERT INTO {config_plugins} (plugin, name, value) VALUES"
    change(
        tenant,
        f"{insert} (%s, 'version', '2') ON DUPLICATE KEY UPDATE value = 2",
        [component],
    )
    change(tenant, statement.replace("{set}", insert))

    kind, _underscore, name = component.partition("_")

    assert column(tenant)[f"{kind}/{name}"].value == state
    assert column(tenant, plugintype=kind)[f"{kind}/{name}"].value == state


def test_a_type_shows_no_other(sites):
    [tenant] = sites(1)

    assert set(column(tenant, plugintype="auth")) == {
        "auth/email",
        "auth/ldap",
        "auth/manual",
    }
    assert column(tenant, plugintype="nosuch") == {}


def test_what_the_registry_forces_counts(sites):
    [tenant] = sites(1)
    tenant.forced_settings = {
        "auth": "email",
        "forced_plugin_settings": {"question": {"essay_disabled": True}},
    }
    tenant.save()

    found = column(tenant)

    assert (found["auth/ldap"].value, found["qtype/essay"].value) == ("off", "off")


def test_versions_are_held_against_the_code(sites, monkeypatch):
    [tenant] = sites(1)
    code = {
        "auth_email": "2023042400.00",
        "auth_ldap": "2023100900",
        "mod_quiz": "2022",
    }
    monkeypatch.setattr(php, "versions", lambda *_release: code)

    found = column(tenant)

    assert found["auth/email"].note == "version 2023042400"
    assert found["auth/ldap"].mark == "↑"
    assert "needs the upgrade to 2023100900" in found["auth/ldap"].note
    assert found["mod/quiz"].note.endswith("newer than its code, 2022")
    assert found["auth/manual"].note.endswith("its code is missing")

    with translation.override("fr"):
        found = column(tenant)

    assert found["auth/email"].note == "version 2023042400"
    assert "attend la mise à niveau vers 2023100900" in found["auth/ldap"].note
    assert found["mod/quiz"].note.endswith("plus récente que son code, 2022")
    assert found["auth/manual"].note.endswith("son code manque")


def test_versions_differ_when_they_are_asked_for(sites):
    first, second = sites(2)
    change(
        second, "UPDATE {config_plugins} SET value = '2023' WHERE plugin = 'mod_quiz'"
    )

    def rows(**given):
        form = Compare({"source": first.wwwroot, **given})
        assert form.is_valid()
        matrix = form.matrix([second])
        return {
            row.name: [matrix.said(cell) for cell in row.cells] for row in matrix.rows
        }

    assert rows() == {}
    assert rows(versions="1") == {"mod/quiz": ["enabled 2023042400", "enabled 2023"]}


def test_a_code_tree_that_is_away_hides_no_state(sites, monkeypatch):
    [tenant] = sites(1)

    def fail(*_release):
        raise php.PhpError("no such tree")

    monkeypatch.setattr(php, "versions", fail)

    assert column(tenant)["mod/quiz"].mark == ""


@pytest.mark.parametrize("kind", ["mod/quiz", "a b", "'; DROP", "x" * 41, "\x00", "é"])
def test_a_type_that_is_none_is_refused(db, rows, kind):
    rows(1, is_main=True)

    assert set(Compare({"plugintype": kind}).errors) == {"plugintype"}
