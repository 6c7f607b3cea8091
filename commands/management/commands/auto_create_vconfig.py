from commands.shell.obsolete import Gone


class Command(Gone):
    help = (
        "Gone since tenants are published as files, without a vconfig.php: "
        "adopt_release makes a code tree serve them, generateconfigs rebuilds them."
    )
