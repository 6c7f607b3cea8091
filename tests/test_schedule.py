"""Tests that share what costs much are done by one process, and begin first."""

from types import SimpleNamespace

from tests.schedule import Schedule

TESTS = [
    "tests/mnet/test_keys.py::test_a",
    "tests/mnet/test_keys.py::test_b",
    "tests/mnet/test_keys.py::test_c[x::y]",
    "tests/boot/test_web.py::test_d",
    "tests/moodle/test_sql.py::test_e",
    "tests/tenants/test_php.py::test_f",
    "tests/tenants/test_php.py::test_g",
    "tests/moodle/test_roles.py::test_h",
    "tests/moodle/test_sql.py::test_i",
    "tests/moodle/test_fleet.py::test_j",
]


class Process:
    """What the schedule sees of a process of pytest."""

    gateway = SimpleNamespace(id="gw")
    shutting_down = False

    def __init__(self) -> None:
        self.given: list[str] = []

    def send_runtest_some(self, numbers: list[int]) -> None:
        self.given += [TESTS[number] for number in numbers]

    def shutdown(self) -> None:
        self.shutting_down = True


def test_what_goes_together_is_given_to_one_process():
    options = SimpleNamespace(loadscopereorder=True)
    config = SimpleNamespace(option=options, getvalue=lambda _name: ["2*popen"])
    schedule = Schedule(config)
    first, second = Process(), Process()
    for process in (first, second):
        schedule.add_node(process)
        schedule.add_node_collection(process, TESTS)

    schedule.schedule()

    assert first.given == [TESTS[9], TESTS[4], TESTS[7], TESTS[8]]
    assert second.given == [TESTS[3], *TESTS[:3]]

    schedule.mark_test_complete(first, 9)
    schedule.mark_test_complete(first, 4)

    assert first.given[4:] == TESTS[5:7]
    assert not schedule.workqueue


def test_it_is_the_one_of_this_run(pytestconfig):
    made = pytestconfig.hook.pytest_xdist_make_scheduler(
        config=SimpleNamespace(getvalue=lambda _name: ["popen"]), log=None
    )

    assert type(made) is Schedule
