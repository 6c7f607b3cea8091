from commands.agent import AgentCommand
from commands.base import register


@register
class UpdateLangpacks(AgentCommand):
    """Download the newest versions of the site's language packs.

    From download.moodle.org, as the site's own daily task does.
    """

    operation = "update_langpacks"
