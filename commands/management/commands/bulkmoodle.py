from commands.cli import BulkCommand
from commands.shell.script_words import ScriptWords
from commands.system.script import Script


class Command(ScriptWords, BulkCommand):
    runs = Script
    needs_dashes = True
