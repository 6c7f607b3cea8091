import pytest

from commands.plugins.set_filter_state import SetFilterState

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("plugin", ["filter/tex", "filter_tex", "tex"])
@pytest.mark.parametrize(
    ("state", "wanted"),
    [("enable", "on"), ("available", "available"), ("disable", "off")],
)
def test_a_filter_has_three_states(plugin, state, wanted):
    form = SetFilterState({"plugin": plugin, "state": state})

    assert form.is_valid(), form.errors
    assert form.payload(None) == {"states": {"filter/tex": wanted}}


@pytest.mark.parametrize("plugin", ["mod/quiz", "filter/", "a b", "tex'--", ""])
def test_what_is_no_filter_is_refused(plugin):
    assert "plugin" in SetFilterState({"plugin": plugin, "state": "enable"}).errors


def test_a_site_where_it_is_so_is_skipped(sites, finished, asked):
    run = finished("plugins/SetFilterState", sites(1), "plugin=tex&state=available")

    assert run.jobs.get().error == "it is so already"
    assert asked["payloads"] == []
