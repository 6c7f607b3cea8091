"""The page of a comparison."""

import csv
import io
import json
import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from commands.compare import ranges
from commands.console.comparison import chosen
from commands.models import Run
from tenants.models import Tenant
from tests.commands.tables import change

pytestmark = pytest.mark.django_db
PAGE = "/commands/run/of/compare/plugins/Compare/"
QUIZ_OFF = "UPDATE {modules} SET visible = 0"


def text(answer) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.mark.parametrize("action", ["plugins_compare", "any_command"])
def test_the_list_leads_to_the_page_without_a_run(console, sites, action):
    tenants = sites(3)
    change(tenants[1], QUIZ_OFF)
    chosen_ones = {"_selected_action": [tenant.pk for tenant in tenants]}

    answer = console.post("/tenants/tenant/", {"action": action, **chosen_ones})
    if action == "any_command":
        draft = answer["Location"]
        answer = console.post(draft, {"command": "plugins/Compare"})
    page = text(console.get(answer["Location"]))

    assert 'data-row="mod/quiz"' in page
    assert 'data-row="auth/ldap"' not in page
    assert Run.objects.count() == 0


def test_sites_like_the_reference_are_shown_on_demand(console, sites):
    tenants = sites(3)
    change(tenants[1], QUIZ_OFF)

    few, all_ = text(console.get(PAGE)), text(console.get(PAGE + "?alike=1"))

    assert 'data-site="https://t2.example.org"' not in few
    assert "Show 1 tenant like the reference" in few
    assert 'data-site="https://t2.example.org"' in all_


def test_all_rows_are_shown_and_found_on_demand(console, sites):
    sites(2)

    assert "Nothing differs from the reference" in text(console.get(PAGE))
    page = text(console.get(PAGE + "?all=1&q=AUTH+ld"))
    assert re.findall(r'data-row="([^"]*)"', page) == ["auth/ldap"]


def test_a_required_parameter_is_asked_for_first(console, sites):
    tenants = sites(2)
    change(
        tenants[1], "UPDATE {role_capabilities} SET permission = -1 WHERE roleid = 1"
    )
    page = PAGE.replace("plugins", "roles")

    asking = text(console.get(page))
    answered = text(console.get(page + "?role=teacher"))

    assert 'name="role"' in asking
    assert "errorlist" not in asking
    assert "data-row" not in asking
    assert 'data-row="mod/quiz:preview"' in answered


def test_a_site_that_cannot_be_read_is_told_and_hides_no_other(console, sites, bare):
    tenants = [*sites(2), bare()]
    change(tenants[1], QUIZ_OFF)

    page = text(console.get(PAGE))

    assert "https://bare.example.org: database server db1:" in page
    assert 'data-row="mod/quiz"' in page
    assert "not readable" in page


def test_picked_cells_lead_to_the_confirmation_of_a_sync(console, sites):
    tenants = sites(3)
    for tenant in tenants[1:]:
        change(tenant, QUIZ_OFF)
    page = text(console.get(PAGE + "?plugintype=mod"))
    attributes = re.search(r'name="attributes" value="([^"]*)"', page)[1]
    picked = "https://t1.example.org mod%2Fquiz\nhttps://t2.example.org mod%2Fquiz"

    answer = console.post(
        PAGE + "copy/",
        {"attributes": attributes.replace("&amp;", "&"), "picked": picked},
    )
    confirm = text(console.get(answer["Location"]))

    run = Run.objects.get()
    assert (run.command, run.state) == ("plugins/Sync", Run.State.DRAFT)
    assert run.targets == [tenant.pk for tenant in tenants[1:]]
    assert "these 2 tenants" in confirm
    assert run.form().cleaned_data == {
        "source": tenants[0],
        "plugintype": "mod",
        "cells": {t.wwwroot: frozenset({"mod/quiz"}) for t in tenants[1:]},
    }


@pytest.mark.parametrize(
    ("picked", "said"),
    [
        ("", "Pick cells first."),
        ("https://nosuch mod/quiz", "No such tenant: https://nosuch"),
        ("'; DROP TABLE", "must begin with http://"),
    ],
)
def test_what_cannot_be_picked_is_told(console, sites, picked, said):
    sites(2)

    back = console.post(PAGE + "copy/", {"picked": picked, "back": "?all=1"})

    assert back["Location"] == PAGE + "?all=1"
    assert said in text(console.get(back["Location"])).replace("&#x27;", "'")
    assert Run.objects.count() == 0


def test_back_leads_nowhere_else(console, sites):
    sites(2)

    answer = console.post(PAGE + "copy/", {"back": "https://evil.example.org"})

    assert answer["Location"] == PAGE


def test_csv_and_json_tell_the_same(console, sites):
    tenants = sites(2)
    change(tenants[1], QUIZ_OFF)

    table, tree = (console.get(f"{PAGE}?format={kind}") for kind in ("csv", "json"))

    assert list(csv.reader(io.StringIO(table.content.decode())))[1] == [
        *("mod/quiz", "enabled", "disabled")
    ]
    assert 'filename="plugins-compare.csv"' in table["Content-Disposition"]
    assert json.loads(tree.content)["rows"][0]["row"] == "mod/quiz"


@pytest.mark.parametrize(
    "query",
    [
        "?plugintype=a%20b",
        "?source=https://nosuch",
        "?source=x",
        "?versions=perhaps",
        "?plugintype=%00",
    ],
)
def test_wrong_parameters_get_a_sentence(console, sites, query):
    sites(2)

    page = text(console.get(PAGE + query))

    assert "errorlist" in page or "messagelist" in page
    assert "data-row" not in page


@pytest.mark.parametrize(
    "address",
    [
        PAGE + "?tenants=x",
        PAGE + "?tenants=1-",
        PAGE + "?tenants=-5",
        PAGE + "?tenants=" + "9" * 30,
        PAGE.replace("Compare", "Sync"),
        PAGE.replace("Compare", "Nosuch"),
    ],
)
def test_there_is_no_such_page(console, rows, address):
    rows(1, is_main=True)

    assert console.get(address).status_code == 404


def test_hostile_text_is_escaped(console, sites):
    tenants = sites(2)
    hostile = "auth_<script>alert(1)</script>"
    insert = "INSERT INTO {config_plugins} (plugin, name, value) VALUES"
    change(tenants[1], f"{insert} (%s, 'version', %s)", [hostile, '"><script>'])

    page = text(console.get(PAGE + "?q=%22%3E%3Cscript%3E"))
    page += text(console.get(PAGE))

    assert "<script>alert" not in page
    assert '"><script>' not in page


def test_many_sites_are_compared_by_few_queries(
    console, sites, django_assert_max_num_queries
):
    sites(6)

    with django_assert_max_num_queries(12):
        console.get(PAGE + "?all=1&alike=1")


def test_at_most_500_sites_are_compared(console, rows):
    rows(1, is_main=True)
    rows(501)

    assert "at most 500 tenants" in text(console.get(PAGE))


@pytest.mark.parametrize("permissions", [[], ["view_run", "view_tenant"]])
def test_who_may_not_run_commands_may_not_compare(rows, permissions):
    user = User.objects.create_user("victor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)

    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE + "copy/").status_code == 403


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([5], "5"), ([3, 1, 2, 9, 8, 6], "1-3,6,8-9")],
)
def test_numbers_are_written_short_and_read_back(rows, numbers, text):
    made = rows(10)
    first = made[0].pk
    pks = [first + number for number in numbers]

    short = ranges(pks)

    assert ranges(numbers) == text
    wanted = pks or [tenant.pk for tenant in Tenant.objects.all()]
    assert {tenant.pk for tenant in chosen(short)} == set(wanted) & {t.pk for t in made}


@pytest.mark.django_db(transaction=True)
def test_the_shell_prints_the_comparison(manage, sites, bare):
    tenants = [*sites(3), bare()]
    change(tenants[1], QUIZ_OFF)
    words = ("run_command", "--command=plugins/Plugins_Compare", "--tohosts=*")

    said, table, tree = (manage(*words, *more) for more in ((), ["--csv"], ["--json"]))

    assert (said.code, table.code, tree.code) == (0, 0, 0)
    lines = said.out.splitlines()
    assert lines[:2] == [
        "mod/quiz: enabled",
        "    disabled (1): https://t1.example.org",
    ]
    assert lines[2].startswith("https://bare.example.org: database server db1:")
    assert (
        lines[3] == "1 of 7 rows differ, on 1 of 3 sites, from https://t0.example.org"
    )
    rows = list(csv.reader(io.StringIO(table.out)))
    assert rows[1] == ["mod/quiz", "enabled", "disabled", "enabled", "not readable"]
    assert list(json.loads(tree.out)["problems"]) == ["https://bare.example.org"]
    assert Run.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_shell_prints_all_rows_on_demand(manage, sites):
    sites(2)

    said = manage(
        "run_command", "--command=plugins/Compare", "--tohosts=*", "--all-rows", "--csv"
    )

    assert len(said.out.splitlines()) == 8


@pytest.mark.django_db(transaction=True)
def test_the_shell_refuses_wrong_parameters(manage, sites):
    sites(2)

    said = manage("run_command", "--command=roles/Compare", "--tohosts=*")

    assert said.code == 2
    assert "role: This field is required" in said.err
