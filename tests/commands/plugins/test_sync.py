"""See tests/commands/test_compare.py; here is what plugins have of their own."""

import pytest
from django.utils import translation

from tests.commands.tables import change

pytestmark = pytest.mark.django_db


def test_a_type_is_copied_alone(sites, finished, asked):
    first, second = sites(2)
    change(second, "UPDATE {modules} SET visible = 0")
    change(second, "UPDATE {config} SET value = 'email' WHERE name = 'auth'")
    change(second, "UPDATE {filter_active} SET active = 1")

    finished("plugins/Plugins_Sync", [second], "plugintype=filter")

    assert asked["payloads"] == [
        ("t1", "set_plugin_states", {"states": {"filter/tex": "available"}})
    ]


def test_what_either_site_has_not_stays(sites, finished, asked):
    first, second = sites(2)
    change(first, "DELETE FROM {config_plugins} WHERE plugin = 'mod_quiz'")
    change(second, "DELETE FROM {config_plugins} WHERE plugin = 'auth_ldap'")

    run = finished("plugins/Sync", [second])

    assert asked["payloads"] == []
    assert run.jobs.get().state == "skipped"
    assert (
        "what differs cannot be copied: auth/ldap: not installed here"
        in run.jobs.get().error
    )


def test_why_a_site_is_skipped_is_kept_in_english(sites, finished):
    first, second = sites(2)
    change(second, "DELETE FROM {config_plugins} WHERE plugin = 'auth_ldap'")

    with translation.override("fr"):
        run = finished("plugins/Sync", [second])

    assert run.jobs.get().error == (
        "what differs cannot be copied: auth/ldap: not installed here, "
        "enabled on the source"
    )
