"""Any script of a code tree, on one tenant and on many."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.claim import claim_next
from commands.models import Run
from commands.shell.equivalent import shell_line
from commands.system.script import Script
from tenants import confidential
from tenants.models import Release, Tenant
from tests.commands.conftest import Manage, assert_refused, states
from tests.conftest import AddTenant

ONE, TWO = "https://one.example.org", "https://two.example.org"
PLUGIN = "mod/forum/cli/tell.php"
TELL = (
    "<?php define('CLI_SCRIPT', true); require __DIR__ . '/../../../config.php';"
    "echo $CFG->wwwroot, ' ', json_encode(array_slice($argv, 1)), PHP_EOL;"
    "fwrite(STDERR, 'to stderr' . PHP_EOL); exit((int) getenv('CODE'));"
)
AddScript = Callable[..., None]


def bound(script: str, arguments: str = "") -> Script:
    command = Script({"script": script, "arguments": arguments})
    command.is_valid()
    return command


@pytest.mark.parametrize(
    "path",
    [
        "admin/cli/cron.php",
        "admin/tool/replace/cli/replace.php",
        "local/my-plugin_2/cli/fixtures/a.b.php",
        "public/admin/cli/cron.php",
        "cli/x.php",
    ],
)
def test_scripts_below_a_cli_directory_are_taken(path: str):
    assert bound(path).errors == {}


@pytest.mark.parametrize(
    "path",
    [
        "/opt/moodle/4.2/admin/cli/cfg.php",
        "../admin/cli/cfg.php",
        "admin/cli/../index.php",
        "admin/cli/../../../../etc/cli/x.php",
        "./admin/cli/cfg.php",
        "admin//cli/cfg.php",
        "admin/cli/cfg",
        "admin/cli/cfg.php/",
        "admin/cli/.hidden.php",
        "admin/cli/cfg.php\n",
        "admin/cron.php",
        "admin/cli.php",
        "cli.php",
        "-d/cli/x.php",
        "admin/cli/-x.php",
        "admin\\cli\\cfg.php",
        "admin/cli/c\0.php",
        "admin/cli/cfg.php; rm -rf .",
        "admin/clí/cfg.php",
        "admin/cli/",
        "a/" * 200 + "cli/x.php",
    ],
    ids=ascii,
)
def test_other_paths_are_refused(path: str):
    command = bound(path)

    if path.endswith("\n"):  # a field strips it
        assert command.cleaned_data["script"] == path.strip()
    else:
        assert "script" in command.errors


def test_the_refusal_says_what_to_give():
    assert bound("index.php").errors["script"] == [
        "'index.php' is no command-line script: give the path of a .php file below a "
        "cli directory, such as admin/cli/cfg.php"
    ]


@given(st.text(max_size=40))
def test_no_path_leads_out_of_the_tree(text: str):
    command = bound(f"admin/cli/{text}.php")

    if not command.errors:
        path = Path("/tree", command.cleaned_data["script"])
        assert ".." not in path.parts
        assert "/tree/admin/cli/" in str(path)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_arguments_stay_as_they_are(words: list[str]):
    command = bound("admin/cli/cron.php", shlex.join(words))

    hosts = [word for word in words if word == "--host" or word.startswith("--host=")]
    if "arguments" not in command.errors:
        assert shlex.split(command.cleaned_data["arguments"]) == words
    else:
        assert hosts or confidential.secret_option("", words)


@pytest.mark.parametrize(
    ("script", "arguments", "option"),
    [
        ("reset_password", "-u=admin -p=hunter2", "-p"),
        ("cfg", "--name=smtppass --set=hunter2", "--name=smtppass"),
        ("cfg", "--component=auth_ldap", "cfg.php without --name"),
        ("install", "--dbpass hunter2", "--dbpass"),
    ],
)
def test_no_secret_is_given_to_a_script(script: str, arguments: str, option: str):
    errors = bound(f"admin/cli/{script}.php", arguments).errors

    assert errors["arguments"][0].startswith(f"{option} is about a secret")


@pytest.mark.parametrize("arguments", ["--name=lang", "--name lang", "--help", "-h"])
def test_one_setting_may_be_read(arguments: str):
    assert bound("admin/cli/cfg.php", arguments).errors == {}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--host=https://two.example.org", "'--host=https://two.example.org' is set"),
        ("-x --host https://two.example.org", "'--host' is set by VMoodle: leave it"),
        ("'open", "cannot be split into options: No closing quotation"),
        ("a\0b", "Null characters are not allowed."),
    ],
)
def test_bad_arguments_are_refused(arguments: str, sentence: str):
    assert sentence in bound("admin/cli/cron.php", arguments).errors["arguments"][0]


def test_a_script_s_own_host_option_may_follow_dashes():
    assert bound("admin/cli/cron.php", "-- --host=x").errors == {}


@pytest.fixture
def add_script(releases: dict[str, Release]) -> AddScript:
    """Return a function that puts a plugin's script into a release."""

    def add(release: str = "4.2", path: str = PLUGIN, body: str = TELL) -> None:
        file = Path(releases[release].path, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body)

    return add


def test_moodle_runs_a_plugin_s_script(manage: Manage, tenant: Tenant, add_script):
    add_script()
    words = ["--name=a b", "-x", "--", "--host=y", "", "é\n'", "--help", "--json"]

    said = manage("moodle", f"--host={ONE}", PLUGIN, *words)

    first, second = said.out.splitlines()
    root, _space, argv = first.partition(" ")
    assert said.code == 0, said
    assert (root, json.loads(argv)) == (ONE, words)
    assert second == "to stderr"
    run = Run.objects.get()
    assert run.command == "system/Script"
    assert states() == {"one": "succeeded"}
    assert run.jobs.get().text()[0] == said.out


def test_moodle_takes_dashes_before_the_script(
    manage: Manage, tenant: Tenant, add_script
):
    add_script()

    said = manage("moodle", "--host", ONE, "--", PLUGIN, "--settings=theirs")

    assert (said.code, said.out.splitlines()[0]) == (0, f'{ONE} ["--settings=theirs"]')


def test_moodle_exits_as_its_script_does(manage: Manage, tenant: Tenant, add_script):
    add_script(body=TELL.replace("(int) getenv('CODE')", "7"))

    said = manage("moodle", "-H", ONE, PLUGIN)

    assert said.code == 7
    assert said.out.endswith("to stderr\n")
    assert f"CommandError: {ONE}: {PLUGIN} ended with exit code 7: " in said.err
    assert states() == {"one": "failed"}


def test_moodle_waits_for_no_other_job(manage: Manage, tenant: Tenant, run_of):
    other = run_of("generic/PurgeCaches", [tenant])
    claim_next(other, "there:1:1")

    said = manage("moodle", f"--host={ONE}", "admin/cli/cron.php")

    assert_refused(said, f"{ONE} is busy with run #{other.pk} generic/PurgeCaches", 2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "the following arguments are required: -H/--host"),
        ([PLUGIN, f"--host={ONE}"], "the following arguments are required: -H/--host"),
        ([f"--host={ONE}"], "No script is named: end the line with its path, such as"),
        ([f"--host={ONE}", "--"], "No script is named: end the line with its path"),
        ([f"--host={ONE}", "--bogus", PLUGIN], "unrecognized arguments: --bogus"),
        ([f"--host={ONE}", "index.php"], "'index.php' is no command-line script"),
        ([f"--host={ONE}", PLUGIN, "--host=x"], "arguments: '--host=x' is set by VMoo"),
        (["--host=https://no.example.org", PLUGIN], "No such tenant: https://no."),
        ([f"--host={ONE}", PLUGIN, "\udcff"], "error: '\\udcff' is no UTF-8 text"),
    ],
    ids=lambda value: ascii(value) if isinstance(value, list) else "",
)
def test_bad_use_of_moodle_is_refused(
    manage: Manage, tenant: Tenant, words: list[str], sentence: str
):
    assert_refused(manage("moodle", *words), sentence)


def test_a_script_that_a_release_lacks_fails(manage: Manage, tenant: Tenant):
    said = manage("moodle", f"--host={ONE}", "admin/cli/nothing.php")

    assert said.code == 1
    assert "has no admin/cli/nothing.php: this release does not ship it" in said.err


@pytest.fixture
def fleet(add_tenant: AddTenant) -> list[Tenant]:
    """Return two tenants, the second on another release."""
    return [add_tenant("one"), add_tenant("two", "4.3")]


@pytest.mark.usefixtures("workers")
def test_bulkmoodle_runs_it_on_many(
    manage: Manage, fleet: list[Tenant], add_script, tmp_path: Path
):
    add_script("4.2")
    add_script("4.3")
    words = ["--name=a b", "--tohosts=x", "--", "--host=y", "-f"]

    said = manage(
        "bulkmoodle", "--yes", "-v", f"--logroot={tmp_path}", "--", PLUGIN, *words
    )

    printed = {line.split(" ")[0]: line for line in said.out.splitlines()}
    assert said.code == 0, said
    for root in (ONE, TWO):
        assert json.loads(printed[root].partition(" ")[2]) == words
    log = (tmp_path / "script_one.log").read_text()
    assert printed[ONE] in log


@pytest.mark.usefixtures("workers")
def test_bulkmoodle_tells_where_it_failed(
    manage: Manage, fleet: list[Tenant], add_script
):
    add_script("4.2")

    said = manage("bulkmoodle", "--yes", "--json", "--", PLUGIN)

    one, two = json.loads(said.out)["tenants"]
    assert said.code == 1
    assert (one["state"], one["result"]) == ("succeeded", {"exit_code": 0})
    assert (two["state"], two["error"][-51:]) == (
        "failed",
        f"has no {PLUGIN}: this release does not ship it"[-51:],
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "No script is named: end the line with its path"),
        (["--"], "No script is named: end the line with its path"),
        (["--", PLUGIN], "system/Script is dangerous and there is no terminal"),
        (
            ["--yes", PLUGIN, f"--tohosts={ONE}"],
            f"Put '--' before the script, after all other options: -- {PLUGIN}",
        ),
        (["--yes", "x", "--", PLUGIN], "Put '--' before the script, after all other"),
        (["--yes", "--", "../cli/x.php"], "'../cli/x.php' is no command-line script"),
        (["--yes", "--tag=x", "--", PLUGIN], "There is no tag x (known: none)"),
        (["--retry=99"], "There is no run 99 of system/Script to retry"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_bad_use_of_bulkmoodle_is_refused(
    manage: Manage, fleet: list[Tenant], words: list[str], sentence: str
):
    assert_refused(manage("bulkmoodle", "--detach", *words), sentence)


def test_bulkmoodle_retries_with_the_same_script(manage: Manage, fleet: list[Tenant]):
    manage("bulkmoodle", "--yes", "--detach", "--", PLUGIN, "-x")
    run = Run.objects.get()
    run.cancel("tester")

    said = manage("bulkmoodle", "--yes", "--detach", f"--retry={run.pk}")

    assert said.code == 0, said
    assert Run.objects.first().attributes == run.attributes


@pytest.mark.django_db
def test_the_shell_line_ends_with_the_script():
    attributes = urlencode({"script": PLUGIN, "arguments": "'a b' --tag=x -- -y"})
    run = Run(command="system/Script", attributes=attributes, parallel=3)

    assert shell_line(run, [ONE]) == (
        f"manage.py bulkmoodle --tohosts={ONE} --jobs=3 -- {PLUGIN} 'a b' --tag=x -- -y"
    )
