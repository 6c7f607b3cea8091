from commands.shell.obsolete import Gone


class Command(Gone):
    help = (
        "Gone since every bulk command has workers, a selection and logs: run the "
        "script on many tenants at once with bulkmoodle."
    )
