from commands.lifecycle.destroy import Destroy
from commands.nodes import NodesCommand


class Command(NodesCommand):
    runs = Destroy
