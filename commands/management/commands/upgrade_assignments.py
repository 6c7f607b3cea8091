from commands.shell.obsolete import Gone


class Command(Gone):
    help = (
        "Gone since Moodle 3.5, which dropped the old assignments and the tool that "
        "converted them: convert them on Moodle 3.4, before the site comes here."
    )
