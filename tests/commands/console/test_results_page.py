import csv
import html
import json
import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from commands.console import results_page
from commands.models import Run
from tests.commands.conftest import TABLE

pytestmark = pytest.mark.django_db


@pytest.fixture
def console() -> Client:
    """Return the client of somebody who may look at runs, no more."""
    user = User.objects.create_user("victor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_run"))
    client = Client()
    client.force_login(user)
    return client


def url(run: Run, query: str = "") -> str:
    return reverse("admin:commands_run_results", args=[run.pk]) + query


def cells(answer) -> list[list[str]]:
    """Return what stands in the rows of the tables."""
    text = answer.content.decode()
    rows = re.findall(r"<tr>(.*?)</tr>", text.partition("<tbody>")[2], re.S)
    return [
        [
            re.sub("<[^>]+>", "", cell).strip()
            for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.S)
        ]
        for row in rows
    ]


def test_the_page_shows_all_tenants_in_one_table(console, brought):
    run = brought(TABLE, None, {"id": 3, "name": "<b>Zoë</b>"})

    answer = console.get(url(run))

    assert cells(answer) == [
        ["https://t0.example.org", "1", "Ann"],
        ["https://t0.example.org", "2", "–"],
        ["https://t2.example.org", "3", "&lt;b&gt;Zoë&lt;/b&gt;"],
    ]
    text = " ".join(answer.content.decode().split())
    assert "3 rows of 2 tenants." in text
    assert "1 has no result." in text
    assert "1 has more rows than were kept." in text
    assert f"manage.py results {run.pk}" in text


def test_the_page_shows_a_table_of_each_tenant(console, brought):
    run = brought(TABLE, {"status": "current"})

    text = console.get(url(run, "?by=tenant")).content.decode()

    assert text.count("<thead>") == 2
    assert re.search(
        r't1\.example\.org</a></h2>.*?<th scope="col">status</th></tr>', text, re.S
    )


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("1", ["–", "-5", "2.50", "10", "a", "B"]),
        ("-1", ["B", "a", "10", "2.50", "-5", "–"]),
        ("99", ["10", "B", "–", "2.50", "a", "-5"]),
        ("x", ["10", "B", "–", "2.50", "a", "-5"]),
    ],
    ids=["up", "down", "no such column", "nonsense"],
)
def test_rows_are_sorted_numbers_as_numbers(console, brought, sort, names):
    values = [10, "B", None, "2.50", "a", -5]
    run = brought({"columns": ["v"], "rows": [[value] for value in values]})

    answer = console.get(url(run, f"?sort={sort}"))

    assert [row[1] for row in cells(answer)] == names


def test_only_columns_of_numbers_stand_at_the_right(console, brought):
    rows = [[1, "0"], [None, "boost"], [3, "28800"]]
    run = brought({"columns": ["n", "value"], "rows": rows})

    text = console.get(url(run)).content.decode()

    assert re.findall(r'<th scope="col" class="number">.*?>(\w+)<', text) == ["n"]
    assert re.findall(r'<td class="number">(\w+)<', text) == ["1", "3"]


def test_rows_are_filtered(console, brought):
    run = brought(TABLE, {"name": "Anna"}, {"name": "Bob"})

    answer = console.get(url(run, "?q=ann&sort=-2"))
    nothing = console.get(url(run, "?q=nowhere"))

    assert [row[2] for row in cells(answer)] == ["Anna", "Ann"]
    assert "No row holds this." in nothing.content.decode()
    assert "q=ann&amp;sort=" in answer.content.decode()


def test_many_rows_come_in_pages_up_to_a_limit(console, brought, monkeypatch):
    monkeypatch.setattr(results_page, "MOST", 250)
    table = {"columns": ["n"], "rows": [[n] for n in range(150)]}
    run = brought(table, table, table)

    last = console.get(url(run, "?p=3&sort=-1"))

    assert len(cells(last)) == 50
    text = last.content.decode()
    assert "The first 250 rows; CSV and JSON have all." in text
    assert "3 / 3" in text


def test_a_search_ends_after_so_many_rows(console, brought, monkeypatch):
    monkeypatch.setattr(results_page, "LOOKED_AT", 3)
    run = brought(TABLE, TABLE, {"name": "Zoë"})

    text = console.get(url(run, "?q=zo")).content.decode()

    assert "The first 0 rows; CSV and JSON have all." in text


def test_csv_is_handed_out(console, brought):
    run = brought(TABLE, {"name": "=1+1"})

    answer = console.get(url(run, "?format=csv&q=1"))

    assert answer["Content-Disposition"] == f'attachment; filename="run-{run.pk}.csv"'
    text = answer.getvalue().decode()
    assert text.startswith("\ufefftenant,")
    assert list(csv.reader(text.removeprefix("\ufeff").splitlines())) == [
        ["tenant", "id", "name"],
        ["https://t0.example.org", "1", "Ann"],
        ["https://t1.example.org", "", "'=1+1"],
    ]


def test_json_is_handed_out(console, brought):
    answer = console.get(url(brought(TABLE), "?format=json"))

    assert answer["Content-Type"] == "application/json"
    assert json.loads(answer.getvalue())[0]["rows"] == TABLE["rows"]


def test_the_run_s_page_leads_there_if_there_is_anything(console, brought):
    with_results, without = brought(TABLE), brought({"exit_code": 0})

    for run, link in ((with_results, True), (without, False)):
        page = console.get(reverse("admin:commands_run_view", args=[run.pk]))
        assert (url(run) in page.content.decode()) is link
    assert "There are no rows." in console.get(url(without)).content.decode()


def test_the_live_page_reads_no_result(console, brought, django_assert_max_num_queries):
    run = brought(TABLE, TABLE)

    with django_assert_max_num_queries(20) as queries:
        console.get(reverse("admin:commands_run_live", args=[run.pk]))

    brief = r'SUBSTR\(CAST\("commands_job"."result" AS text\), 1, \d+\)'
    asked = [re.sub(brief, "", query["sql"]) for query in queries]
    assert not any('"result"' in sql for sql in asked)


def test_a_job_s_page_leads_to_its_own_table(console, brought):
    run = brought(TABLE, {"exit_code": 0}, TABLE)
    first, second, _third = run.jobs.order_by("pk")

    page = console.get(reverse("admin:commands_job_view", args=[first.pk]))
    [link] = re.findall(r'href="([^"]*results/[^"]*)"', page.content.decode())
    none = console.get(reverse("admin:commands_job_view", args=[second.pk]))

    assert len(cells(console.get(html.unescape(link)))) == 2
    assert "results/" not in none.content.decode()


@pytest.mark.parametrize("query", ["", "?format=csv", "?format=json"])
def test_who_may_not_see_runs_sees_no_results(client, brought, query):
    run = brought(TABLE)
    assert client.get(url(run, query)).status_code == 302

    client.force_login(User.objects.create_user("nobody", is_staff=True))

    assert client.get(url(run, query)).status_code == 403


@pytest.mark.parametrize("query", ["", "?by=tenant", "?q=Ann&sort=1"])
def test_queries_do_not_depend_on_the_number_of_tenants(
    console, brought, query, django_assert_max_num_queries
):
    few, many = brought(*[TABLE] * 2), brought(*[TABLE] * 60)
    console.get(url(few, query))
    with django_assert_max_num_queries(20) as before:
        console.get(url(few, query))

    with django_assert_max_num_queries(20) as after:
        console.get(url(many, query))

    assert len(before) == len(after)


def test_a_long_cell_opens_without_a_script(console, brought):
    run = brought({"text": "x" * 500})

    answer = console.get(url(run))

    text = answer.content.decode()
    assert f">{'x' * 160}…</span>" in text
    assert f"</summary>{'x' * 500}</details>" in text
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text)
