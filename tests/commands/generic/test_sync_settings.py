import pytest

from tests.commands.tables import change

pytestmark = pytest.mark.django_db
CORE = "INSERT INTO {config} (name, value) VALUES (%s, %s)"


def test_what_differs_is_set_whole(sites, finished, asked):
    first, second = sites(2)
    long = "x" * 10_000
    change(first, CORE, ["additionalhtmlhead", long])
    change(first, "UPDATE {config_plugins} SET value = '90' WHERE plugin = 'quiz'")

    finished(
        "generic/SyncSettings", [second], "settings=auth+additionalhtmlhead+quiz/*"
    )

    assert asked["payloads"] == [
        (
            "t1",
            "set_config",
            {
                "settings": {
                    "": {"additionalhtmlhead": long},
                    "quiz": {"timelimit": "90"},
                }
            },
        )
    ]


def test_what_the_source_has_not_is_unset_only_where_it_was_picked(
    sites, finished, asked
):
    first, second = sites(2)
    change(second, CORE, ["mine", "1"])
    cells = f"&cells={second.wwwroot}+mine"

    left = finished("generic/SyncSettings", [second], "settings=mine")
    finished("generic/SyncSettings", [second], f"settings=mine{cells}")

    assert left.jobs.get().state == "skipped"
    assert [payload for *_job, payload in asked["payloads"]] == [
        {"settings": {"": {"mine": None}}}
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("siteidentifier", "abc"),
        ("version", "2030"),
        ("home", "https://t0.example.org/x"),
    ],
)
def test_what_belongs_to_one_site_stays(sites, finished, asked, name, value):
    first, second = sites(2)
    change(first, CORE, [name, value])
    change(second, CORE, [name, "other"])

    run = finished("generic/SyncSettings", [second], f"settings={name}")

    assert run.jobs.get().state == "skipped"
    assert asked["payloads"] == []


def test_what_the_registry_forces_stays(sites, finished, asked):
    first, second = sites(2)
    second.forced_settings = {"auth": "cas"}
    second.save()

    run = finished("generic/SyncSettings", [second], "settings=auth")

    assert "what differs cannot be copied: auth: forced: cas" in run.jobs.get().error
