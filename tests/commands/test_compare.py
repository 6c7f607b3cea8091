"""What comparisons and syncs have in common, by the plugins' ones."""

import pytest

from commands.base import CommandFailed, all_commands, find
from commands.compare import Comparison, Sync
from tenants import moodledb
from tenants.models import DatabaseServer, Tenant
from tests.commands.tables import change

pytestmark = pytest.mark.django_db
QUIZ_OFF = "UPDATE {modules} SET visible = 0 WHERE name = 'quiz'"


def compared(tenants: list[Tenant], attributes: str = "", **how):
    form = find("plugins/Compare").from_attributes(attributes)
    assert form.is_valid(), form.errors
    return form.matrix(tenants, **how)


def obey(tenant: Tenant, operation: str, payload: dict) -> dict:
    """Do what the agent would, for the only module there is."""
    visible = int(payload["states"]["mod/quiz"] == "on")
    change(tenant, "UPDATE {modules} SET visible = %s", [visible])
    return {"changed": ["mod/quiz"], "refused": {}}


def test_every_comparison_asks_for_a_reference():
    comparisons = [c for c in all_commands() if issubclass(c, Comparison)]

    labels = {str(c.base_fields["source"].label) for c in comparisons}
    assert (len(comparisons), labels) == (4, {"Reference"})


def test_the_main_tenant_is_the_reference_and_comes_once(sites):
    tenants = sites(3)
    change(tenants[1], QUIZ_OFF)

    matrix = compared(tenants)

    assert [site.pk for site in matrix.sites] == [tenant.pk for tenant in tenants]
    [row] = matrix.rows
    assert (row.name, row.differs) == ("mod/quiz", [False, True, False])


def test_another_reference_may_be_none_of_the_sites(sites):
    tenants = sites(3)
    change(tenants[2], QUIZ_OFF)

    matrix = compared(tenants[:2], f"source={tenants[2].wwwroot}")

    assert matrix.sites[0].pk == tenants[2].pk
    assert matrix.rows[0].differs == [False, True, True]


def test_sites_on_many_servers_take_a_statement_each(sites, rows, monkeypatch):
    tenants = sites(3)
    away = DatabaseServer.objects.create(name="away", socket="/no/such.sock")
    lost = rows(2, server=away)
    sent: list[str] = []
    query = moodledb.query
    monkeypatch.setattr(
        moodledb,
        "query",
        lambda server, sql, values=(): sent.append(sql) or query(server, sql, values),
    )

    matrix = compared([*tenants, *Tenant.objects.filter(server=away).with_edges()])

    assert len(sent) == 2
    problems = [site.problem for site in matrix.sites]
    assert problems[:3] == ["", "", ""]
    assert all("database server away: " in problem for problem in problems[3:])
    assert len(problems) == 3 + len(lost)


def test_a_database_without_tables_is_told_in_its_column(sites, bare):
    tenants = [*sites(2), bare()]
    change(tenants[1], QUIZ_OFF)

    matrix = compared(tenants)

    assert "doesn't exist" in matrix.sites[2].problem
    assert [row.name for row in matrix.rows] == ["mod/quiz"]


def test_a_reference_that_cannot_be_read_is_told(sites, bare):
    empty = bare()

    with pytest.raises(CommandFailed, match=r"^https://bare.example.org: database ser"):
        compared(sites(1), f"source={empty.wwwroot}")


def test_a_run_of_a_comparison_tells_each_site_s_differences(sites, finished):
    tenants = sites(3)
    change(tenants[1], QUIZ_OFF)

    run = finished("plugins/Compare", tenants)

    jobs = {job.tenant.shortname: job for job in run.jobs.select_related("tenant")}
    assert jobs["t0"].error == "it is the source"
    assert jobs["t1"].result == {"differ": {"mod/quiz": ["disabled", "enabled"]}}
    assert "mod/quiz: disabled (reference: enabled)" in jobs["t1"].text()[0]
    assert jobs["t2"].result == {"differ": {}}
    assert not run.exclusive


def test_a_sync_asks_the_agent_where_anything_differs(sites, finished, asked):
    tenants = sites(3)
    change(tenants[1], QUIZ_OFF)
    asked["answer"] = obey

    run = finished("plugins/Sync", tenants)

    jobs = {job.tenant.shortname: job for job in run.jobs.select_related("tenant")}
    assert asked["payloads"] == [
        ("t1", "set_plugin_states", {"states": {"mod/quiz": "on"}})
    ]
    assert jobs["t1"].result == {"changed": {"mod/quiz": ["disabled", "enabled"]}}
    assert [jobs["t0"].error, jobs["t2"].error] == [
        "it is the source",
        "it is so already",
    ]


def test_only_picked_cells_are_copied(sites, finished, asked):
    tenants = sites(4)
    for tenant in tenants[1:]:
        change(tenant, QUIZ_OFF)
        change(tenant, "UPDATE {config} SET value = 'email' WHERE name = 'auth'")
    asked["answer"] = obey

    run = finished(
        "plugins/Sync",
        tenants[1:],
        f"cells={tenants[1].wwwroot}+mod/quiz%0A{tenants[2].wwwroot}+report/log",
    )

    jobs = {job.tenant.shortname: job for job in run.jobs.select_related("tenant")}
    assert asked["payloads"] == [
        ("t1", "set_plugin_states", {"states": {"mod/quiz": "on"}})
    ]
    assert jobs["t1"].state == "succeeded"
    assert jobs["t2"].error == "it is so already"
    assert jobs["t3"].error == "none of its cells was picked"


def test_what_is_not_so_afterwards_fails_the_job(sites, finished, asked):
    tenants = sites(2)
    change(tenants[1], QUIZ_OFF)

    run = finished("plugins/Sync", tenants[1:])

    assert run.jobs.get().error == (
        "1 of 1 could not be set: mod/quiz: it is not enabled afterwards"
    )


def test_what_the_site_refused_fails_the_job_with_its_sentence(sites, finished, asked):
    tenants = sites(2)
    change(tenants[1], QUIZ_OFF)
    asked["answer"] = lambda *_: {"refused": {"mod/quiz": "it is fixed"}}

    run = finished("plugins/Sync", tenants[1:])

    assert run.jobs.get().error == "1 of 1 could not be set: mod/quiz: it is fixed"


def test_what_cannot_be_copied_is_named_and_the_rest_goes_on(sites, finished, asked):
    tenants = sites(3)
    change(tenants[0], "DELETE FROM {config_plugins} WHERE plugin = 'qtype_essay'")
    change(tenants[1], QUIZ_OFF)
    asked["answer"] = obey

    run = finished("plugins/Sync", tenants[1:])

    jobs = {job.tenant.shortname: job for job in run.jobs.select_related("tenant")}
    left = "qtype/essay: enabled here, not installed on the source"
    assert jobs["t1"].state == "succeeded"
    assert f"{left}, and stays so" in jobs["t1"].text()[0]
    assert jobs["t2"].error == f"what differs cannot be copied: {left}"


def test_a_cell_that_was_picked_and_cannot_be_copied_fails(sites, finished, asked):
    tenants = sites(2)
    change(tenants[0], "DELETE FROM {config_plugins} WHERE plugin = 'qtype_essay'")

    cells = f"cells={tenants[1].wwwroot}+qtype/essay"
    run = finished("plugins/Sync", tenants[1:], cells)

    assert run.jobs.get().error == (
        "nothing was changed: qtype/essay: enabled here, not installed on the source"
    )
    assert asked["payloads"] == []


def test_a_source_that_cannot_be_read_stops_the_run(sites, bare, run_of):
    empty = bare()

    with pytest.raises(
        CommandFailed, match="https://bare.example.org: database server"
    ):
        run_of("plugins/Sync", sites(2)[1:], f"source={empty.wwwroot}")


def test_a_site_that_cannot_be_read_fails_alone(sites, bare, finished, asked):
    tenants = [*sites(2), bare()]
    change(tenants[1], QUIZ_OFF)
    asked["answer"] = obey

    run = finished("plugins/Sync", tenants[1:])

    jobs = {job.tenant.shortname: job for job in run.jobs.select_related("tenant")}
    assert jobs["t1"].state == "succeeded"
    assert "doesn't exist" in jobs["bare"].error


def test_every_comparison_names_the_command_that_copies_its_cells():
    comparisons = [c for c in all_commands() if issubclass(c, Comparison)]

    assert len(comparisons) >= 3
    for comparison in comparisons:
        sync = find(comparison.syncs)
        assert issubclass(sync, Sync)
        rest = set(comparison.base_fields) - set(sync.base_fields)
        assert rest <= {"versions"}
