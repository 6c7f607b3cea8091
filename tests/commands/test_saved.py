"""Commands that are kept, on the screen."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from commands.models import Run, SavedCommand
from tenants.models import Tag

LIST = "/commands/savedcommand/"
CACHES = {"name": "Nightly", "command": "generic/purge_caches", "attributes": "muc=1"}


@pytest.fixture
def console(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


def save(console: Client, **values):
    return console.post(
        f"{LIST}add/", {**CACHES, "selection": "", "note": "", **values}
    )


def run(console: Client, *saved: SavedCommand):
    chosen = [command.pk for command in saved]
    return console.post(
        LIST, {"action": "run_it", "_selected_action": chosen}, follow=True
    )


def test_a_saved_command_runs_on_what_its_selection_means_then(console, rows):
    tenants = rows(3)
    tag = Tag.objects.create(name="school")
    tenants[0].tags.add(tag)
    answer = save(console, selection="--tag=school")
    assert answer.status_code == 302, answer.content.decode()
    saved = SavedCommand.objects.get()
    tenants[2].tags.add(tag)

    page = run(console, saved)

    draft = Run.objects.get()
    assert (saved.command, saved.saved_by) == ("generic/PurgeCaches", "alice")
    assert (draft.command, draft.attributes) == ("generic/PurgeCaches", "muc=1")
    assert draft.targets == [tenants[0].pk, tenants[2].pk]
    assert draft.state == Run.State.DRAFT
    assert "these 2 tenants" in page.content.decode()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"command": "generic/PurgeCache"}, "did you mean generic/PurgeCaches?"),
        ({"attributes": "nonsense"}, "is not of the form name=value"),
        ({"attributes": "mucus=1"}, "has no parameter mucus"),
        ({"command": "upgrade/Upgrade", "attributes": "cron_wait=x"}, "cron_wait"),
        ({"selection": "--tag=nothing"}, "There is no tag nothing"),
        ({"selection": "--nonsense"}, "unrecognized arguments: --nonsense"),
        ({"selection": "school"}, "unrecognized arguments: school"),
        ({"selection": "--exclude='"}, "cannot be split"),
        ({"selection": "--from-file=/etc/passwd"}, "--from-file is for a shell"),
        ({"selection": "--exclude=*"}, "No tenant is selected"),
        ({"name": "a;b"}, "Enter a valid value"),
    ],
)
def test_what_could_not_run_is_not_kept(console, rows, values, sentence):
    rows(2)

    answer = save(console, **values)

    assert sentence in answer.content.decode().replace("&#x27;", "'")
    assert SavedCommand.objects.count() == 0


def test_a_selection_that_means_nobody_any_more_is_told(console, rows):
    rows(1)
    save(console, selection="--tohosts=https://t0.example.org")
    SavedCommand.objects.update(selection="--tag=gone")

    page = run(console, SavedCommand.objects.get())

    assert "There is no tag gone" in page.content.decode()
    assert Run.objects.count() == 0


def test_two_at_once_are_refused(console, rows):
    rows(1)
    save(console)
    save(console, name="Other")

    page = run(console, *SavedCommand.objects.all())

    assert "Choose one saved command" in page.content.decode()


def test_who_may_not_operate_may_not_run_it(console, rows):
    rows(1)
    save(console)
    User.objects.update(is_superuser=False)

    answer = run(console, SavedCommand.objects.get())

    assert answer.status_code == 403
    assert Run.objects.count() == 0


def test_the_page_of_a_run_leads_to_keeping_it(console, rows, run_of, probe):
    tenants = rows(2)
    done = run_of(probe.name(), tenants, "word=a%26b")
    page = console.get(f"/commands/run/of/run/{done.pk}/").content.decode()

    link = page.partition(f'href="{LIST}add/')[2].partition('"')[0]
    form = console.get(f"{LIST}add/{link.replace('&amp;', '&')}").content.decode()

    assert f"--in-run={done.pk}" in form
    assert "word=a%26b" in form
