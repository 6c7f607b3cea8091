from commands.cli import TenantCommand
from commands.shell.script_words import ScriptWords
from commands.system.script import Script


class Command(ScriptWords, TenantCommand):
    runs = Script
