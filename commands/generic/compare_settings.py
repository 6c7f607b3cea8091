from commands.base import register
from commands.compare import Comparison
from commands.generic.settings import Settings


@register
class CompareSettings(Comparison, Settings):
    """Set settings of sites side by side, of the core and of plugins.

    Those that are named, or fit a pattern. Passwords and keys are compared, and never
    shown. What the registry forces counts as set.

    Example of attributes: settings=theme%0Aquiz/*
    """

    syncs = "generic/SyncSettings"
