from commands.lifecycle.snapshot import Snapshot
from commands.shell.nodes import NodesCommand


class Command(NodesCommand):
    runs = Snapshot
