"""Runs and jobs: the truth about what was asked for and what became of it.

Races are settled by conditional UPDATE: "0 rows" means somebody else was first.
"""

from commands.models.cluster import Cluster
from commands.models.cronpass import CronPass
from commands.models.job import Job, Output
from commands.models.mail import Mail
from commands.models.material import Material
from commands.models.run import Run
from commands.models.saved import SavedCommand

__all__ = [
    "Cluster",
    "CronPass",
    "Job",
    "Mail",
    "Material",
    "Output",
    "Run",
    "SavedCommand",
]
