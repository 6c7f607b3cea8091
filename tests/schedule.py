"""Which tests go together when several processes share the work."""

from pathlib import PurePath

from xdist.scheduler import LoadScopeScheduling

# What shares sites, a browser or timing stays in one process, and goes in this order.
# The fleet installs the Moodles that the other tests of tests/moodle load: those come
# when that is done, else they would wait for it, or do it as well.
GROUPS = ("fleet", "faults", "browser", "boot", "demo", "moodle")
FLEET = ("tests/moodle/test_fleet.py", "tests/moodle/test_scripts.py")


class Schedule(LoadScopeScheduling):
    """Give out the groups, then file by file, the files with the most tests first.

    xdist's own groups are marks that it writes into the tests' ids, which pytest
    no longer lets it.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = "fleet" if file in FLEET else PurePath(file).parts[1]
        return folder if folder in GROUPS else file

    def _assign_work_unit(self, node) -> None:
        for group in reversed(GROUPS):
            if group in self.workqueue:
                self.workqueue.move_to_end(group, last=False)
        super()._assign_work_unit(node)
