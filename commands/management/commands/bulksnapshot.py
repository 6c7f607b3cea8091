from commands.lifecycle.snapshot import Snapshot
from commands.nodes import NodesCommand


class Command(NodesCommand):
    runs = Snapshot
