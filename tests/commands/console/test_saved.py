"""Commands that are kept, on the screen."""

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client

from commands.models import Run, SavedCommand
from tenants.models import Tag
from tests.commands.conftest import Manage, assert_refused

LIST = "/commands/savedcommand/"
CACHES = {"name": "Nightly", "command": "generic/purge_caches", "attributes": "muc=1"}


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
    assert f"{settings.VMOODLE_WORKERS} at once" in page.content.decode()


def test_two_operators_change_different_things(console, rows):
    rows(1)
    save(console)
    saved = SavedCommand.objects.get()
    page = f"{LIST}{saved.pk}/change/"
    fields = {**CACHES, "selection": "", "note": ""}
    shown = {f"initial-{name}": value for name, value in fields.items()}

    for changes in ({"note": "nightly"}, {"name": "other"}):
        answer = console.post(page, fields | shown | changes)
        assert answer.status_code == 302, answer.content.decode()

    saved.refresh_from_db()
    assert (saved.name, saved.note) == ("other", "nightly")


def test_what_holds_a_secret_is_not_kept(console, rows):
    rows(1)

    page = save(
        console, command="generic/SetConfig", attributes="key=smtppass&value=hunter2"
    )

    assert "They hold a secret, which is never kept" in page.content.decode()
    assert not SavedCommand.objects.exists()


def test_its_page_has_the_button_that_runs_it(console, rows):
    rows(1)
    save(console)
    page = f"{LIST}{SavedCommand.objects.get().pk}/change/"
    button = 'name="action" value="run_it"'

    assert button in console.get(page).content.decode()
    assert button not in console.get(f"{LIST}add/").content.decode()


def test_an_empty_list_says_how_to_begin(console):
    assert "keeps its command; or add one." in console.get(LIST).content.decode()
    assert "Nothing fits." in console.get(f"{LIST}?q=x").content.decode()


def test_a_missing_command_is_told_once(console):
    answer = save(console, command="").content.decode()

    assert "This field is required." in answer
    assert "There is no command" not in answer


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


def test_a_command_that_is_gone_is_told(console, rows):
    rows(1)
    save(console)
    SavedCommand.objects.update(command="gone/Gone")

    page = run(console, SavedCommand.objects.get())

    assert page.status_code == 200
    assert "There is no command &#x27;gone/Gone&#x27;: " in page.content.decode()
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


def test_who_may_not_run_what_is_dangerous_is_told_so(console, rows):
    rows(1)
    save(console, command="lifecycle/Destroy", attributes="")
    User.objects.update(is_superuser=False)
    names = ("view_savedcommand", "operate")
    User.objects.get().user_permissions.set(
        Permission.objects.filter(codename__in=names)
    )

    page = run(console, SavedCommand.objects.get())

    assert page.status_code == 200
    assert "You lack the permission to run dangerous commands" in page.content.decode()
    assert Run.objects.count() == 0


def test_the_page_of_a_run_leads_to_keeping_it(console, rows, run_of, probe):
    tenants = rows(2)
    done = run_of(probe.name(), tenants, "word=a%26b")
    page = console.get(f"/commands/run/of/run/{done.pk}/").content.decode()

    link = page.partition(f'href="{LIST}add/')[2].partition('"')[0]
    form = console.get(f"{LIST}add/{link.replace('&amp;', '&')}").content.decode()

    assert f"--in-run={done.pk}" in form
    assert "word=a%26b" in form


KEEP = ["save_command", "Nightly", "--command=generic/purge_caches"]


def test_the_shell_keeps_and_runs_it(manage: Manage, workers, add_tenant):
    add_tenant("one")
    add_tenant("two")
    kept = manage(*KEEP, "--attributes=muc=1", "--exclude=t*", "--with-master")
    assert kept.code == 0, kept

    done = manage("run_saved", "Nightly")

    assert kept.out == "Saved: manage.py run_saved Nightly\n"
    assert SavedCommand.objects.get().selection == "'--exclude=t*' --with-master"
    assert done.code == 0, done
    assert f"Run {Run.objects.get().pk} finished: 1 succeeded" in done.out
    job = Run.objects.get().jobs.get()
    assert job.wwwroot == "https://one.example.org"
    assert Run.objects.get().attributes == "muc=1"


def test_the_shell_lists_them(manage: Manage, rows):
    rows(1)
    manage(*KEEP, "--tohosts=*")

    out = manage("run_saved").out
    assert out == "Nightly: generic/PurgeCaches '--tohosts=*'\n"
    assert '"command": "generic/PurgeCaches"' in manage("run_saved", "--json").out


def test_what_would_run_is_shown(manage: Manage, add_tenant):
    add_tenant("one")
    manage(*KEEP)

    said = manage("run_saved", "Nightly", "--dry-run")

    assert said.code == 0, said
    assert "https://one.example.org" in said.out
    assert Run.objects.count() == 0


def test_a_name_is_not_taken_twice_unless_asked(manage: Manage, rows):
    rows(1)
    manage(*KEEP)

    assert_refused(manage(*KEEP), "already: give --replace")
    assert manage(*KEEP, "--replace", "--note=again").code == 0
    assert SavedCommand.objects.get().note == "again"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-c", "no/Such"], "There is no command 'no/Such'"),
        ([KEEP[2], "--attributes=mucus=1"], "has no parameter mucus"),
        ([KEEP[2], "--tag=nothing"], "There is no tag nothing"),
        ([KEEP[2], "-c", "no/Such"], "-c is given twice: it has one value"),
    ],
)
def test_the_shell_keeps_only_what_can_run(manage: Manage, rows, words, sentence):
    rows(1)

    assert_refused(manage("save_command", "Nightly", *words), sentence)
    assert SavedCommand.objects.count() == 0


def test_the_shell_tells_which_value_is_wrong(manage: Manage, rows):
    rows(1)

    said = manage("save_command", "a;b", *KEEP[2:])

    assert_refused(said, "CommandError: name: Enter a valid value.")


def test_a_saved_command_is_forgotten(manage: Manage, rows):
    rows(1)
    manage(*KEEP)

    assert manage("forget_command", "Nightly").out == "Forgotten: Nightly\n"
    assert_refused(manage("forget_command", "Nightly"), "no saved command 'Nightly'")
    assert_refused(manage("run_saved", "Nightly"), "no saved command 'Nightly'")
