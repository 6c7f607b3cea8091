import pytest

from commands.plugins.set_state import SetState
from tests.commands.tables import change

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("plugin", ["mod/quiz", "mod_quiz"])
def test_both_spellings_name_the_plugin(plugin):
    form = SetState({"plugin": plugin, "state": "disable"})

    assert form.is_valid()
    assert form.payload(None) == {"states": {"mod/quiz": "off"}}


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ("quiz", "names no plugin"),
        ("mod/quiz; rm -rf", "names no plugin"),
        ("mod/../x", "names no plugin"),
        ("Mod/Quiz", "names no plugin"),
        ("mod/quiz\n", "names no plugin"),
        ("mod/'", "names no plugin"),
        ("mod/\x00", "Null characters"),
        ("mod/" + "x" * 200, "at most 120 characters"),
        ("", "required"),
        ("filter/tex", "use SetFilterState"),
    ],
)
def test_what_names_no_plugin_is_refused(plugin, said):
    form = SetState({"plugin": plugin, "state": "enable"})

    if plugin.endswith("\n"):  # a form field is stripped
        assert form.is_valid()
        return
    assert said in form.errors["plugin"][0]


def test_a_state_is_enable_or_disable():
    assert "state" in SetState({"plugin": "mod/quiz", "state": "available"}).errors


def test_sites_where_it_is_so_are_skipped_and_those_without_it_fail(
    sites, bare, finished, asked
):
    tenants = [*sites(3), bare()]
    change(tenants[1], "UPDATE {modules} SET visible = 0")
    change(tenants[2], "DELETE FROM {config_plugins} WHERE plugin = 'mod_quiz'")

    def obey(tenant, *_asked):
        change(tenant, "UPDATE {modules} SET visible = 1")
        return {"changed": ["mod/quiz"], "refused": {}}

    asked["answer"] = obey
    run = finished("plugins/SetState", tenants, "plugin=mod/quiz&state=enable")

    jobs = {job.tenant.shortname: job for job in run.jobs.select_related("tenant")}
    assert jobs["t0"].error == "it is so already"
    assert jobs["t1"].state == "succeeded"
    assert jobs["t2"].error == "mod/quiz is not installed on this site"
    assert jobs["bare"].state == "failed"
    assert "doesn't exist" in jobs["bare"].error


def test_what_moodle_did_not_do_is_told(sites, finished, asked):
    run = finished("plugins/SetState", sites(1), "plugin=mod/quiz&state=disable")

    assert run.jobs.get().error == (
        "Moodle keeps mod/quiz enabled, though it was asked to make it disabled"
    )


def test_what_the_site_refuses_is_told(sites, finished, asked):
    asked["answer"] = lambda *_: {"refused": {"report/log": "Moodle has no switch"}}

    run = finished("plugins/SetState", sites(1), "plugin=report/log&state=disable")

    assert run.jobs.get().error == "Moodle has no switch"


def test_a_repository_is_hidden_and_nothing_of_it_deleted(sites, finished, asked):
    [tenant] = sites(1)
    change(tenant, "INSERT INTO {repository} VALUES (1, 'url', 1)")
    insert = "INSERT INTO {config_plugins} (plugin, name, value) VALUES"
    change(tenant, f"{insert} ('repository_url', 'version', '1')")

    finished("plugins/SetState", [tenant], "plugin=repository/url&state=disable")

    assert asked["payloads"][0][2] == {"states": {"repository/url": "available"}}
    change(tenant, "DELETE FROM {repository}")
    run = finished("plugins/SetState", [tenant], "plugin=repository/url&state=disable")
    assert run.jobs.get().error == "it is so already"
