from commands.lifecycle.destroy import Destroy
from commands.shell.nodes import NodesCommand


class Command(NodesCommand):
    runs = Destroy
