from commands.shell.obsolete import Gone


class Command(Gone):
    help = (
        "Gone since VMoodle calls no function of its own by MNet any more: there are "
        "no stored paths to correct; run_command does what those functions did."
    )
