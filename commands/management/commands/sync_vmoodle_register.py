from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from commands.cli import refuse
from commands.shell.secrets import add_secret_option
from commands.shell.strict import StrictCommand
from commands.shell.takeover import (
    EXPECTED,
    add_takeover,
    carry_out,
    password,
    taken_over,
)
from tenants import legacy, phpconfig, takeover
from tenants.legacy import Account, Site
from tenants.phpconfig import PhpConfig
from tenants.selection import SelectionError

VCONFIGS = ("vconfig.php", "local/vmoodle/vconfig.php")
LABEL = "main site"


class Command(StrictCommand):
    help = """Take over the register of a running VMoodle main site, the PHP system's.

    Reads its table local_vmoodle and its config.php, which is read and never run. Tells
    what would be entered in the registry; writes with --yes. May be given again at any
    time. Exit status 1: some were refused, the others are entered."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--config", metavar="FILE", help="config.php of the main site."
        )
        parser.add_argument(
            "--vconfig", metavar="FILE", help="Its vconfig.php, if it lies elsewhere."
        )
        group = parser.add_argument_group("instead of --config: where the register is")
        for name, text in (
            ("vmasterdbhost", "Its database server, as host or host:port."),
            ("vmasterdbname", "Its database."),
            ("vmasterdblogin", "An account that may read it."),
            ("vmasterprefix", "Prefix of its tables (mdl_)."),
        ):
            group.add_argument(f"--{name}", metavar="VALUE", help=text)
        add_secret_option(
            group, "vmasterdbpass", ["--vmasterdbpass"], "Its password.", required=True
        )
        parser.add_argument("-y", "--yes", action="store_true", help="Write it.")
        parser.add_argument("--dry-run", action="store_true", help="Write nothing.")
        add_takeover(parser)

    def handle(self, *, yes: bool, dry_run: bool, **options: Any) -> None:
        try:
            found = taken_over(sites(options), options)
        except EXPECTED as error:
            raise refuse(error) from error
        carry_out(self, found, write=yes and not dry_run)
        if not yes:
            self.stdout.write("Nothing was written: --yes does it")


def sites(options: dict[str, Any]) -> list[Site]:
    """Return the main site, if its config.php is given, and those of its register."""
    main, config = None, PhpConfig()
    if options["config"]:
        path = Path(options["config"])
        config = with_vconfig(path, options["vconfig"])
        main = legacy.from_config(LABEL, "", config)
        main.fields["is_main"] = True
        main.notes += forces(main, config)
    where = register(options, config)
    server = takeover.new_server(where, account(where))
    rows = legacy.read_register(
        server, where.fields["db_name"], where.fields["db_prefix"]
    )
    common = Account(config.text("vchildsdblogin"), config.text("vchildsdbpass"))
    found = [legacy.from_row(f"row {row['id']}", row, common) for row in rows]
    for site in found:
        legacy.take_place(site, config)
    if main is None:
        return found
    return [main, *(site for site in found if site.wwwroot != main.wwwroot)]


def with_vconfig(path: Path, given: str | None) -> PhpConfig:
    """Return what config.php and vconfig.php set, in one."""
    config = phpconfig.read(path)
    known = [Path(given)] if given else [path.parent / name for name in VCONFIGS]
    for vconfig in known:
        if given or vconfig.is_file():
            more = phpconfig.read(vconfig)
            config.values |= more.values
            config.told |= more.told
            break
    return config


def forces(main: Site, config: PhpConfig) -> list[str]:
    """Return notes on what the shared config.php forces on all sites, not on one."""
    forced = main.fields.pop("forced_settings")
    files = [
        f"local/defaults_{config.text(name)}.php"
        for name in ("vmoodlehardmasterdefaults", "vmoodlehardchildsdefaults")
        if config.text(name)
    ]
    return [
        f"{what} forced on the sites: enter what is needed of it as forced settings of "
        "the release or of tenants"
        for what in (
            *([f"$CFG->{', $CFG->'.join(forced)} is"] if forced else []),
            *(f"what {file} holds is" for file in files),
        )
    ]


def register(options: dict[str, Any], config: PhpConfig) -> Site:
    """Return where the register is: by the options, vconfig.php, or config.php."""
    login = options["vmasterdblogin"] or config.text("vmasterdblogin")
    fields = {
        "db_name": _first(options, config, "vmasterdbname", "dbname"),
        "db_prefix": _first(options, config, "vmasterprefix", "prefix") or "mdl_",
        "db_user": login or config.text("dbuser"),
        "db_password": password("vmasterdbpass", "", options)
        or config.text("vmasterdbpass" if login else "dbpass"),
    }
    where = legacy.from_config(LABEL, "", config)
    if host := _first(options, config, "vmasterdbhost", "dbhost"):
        where.problems = []
        legacy.split_host(where, host)
    where.fields = fields
    if options["vmasterdblogin"] and not fields["db_password"]:
        fields["db_password"] = password("vmasterdbpass", login, options)
    if not fields["db_name"] or not fields["db_user"] or where.problems:
        raise SelectionError(
            "where the register is cannot be read from config.php: give "
            "--vmasterdbhost, --vmasterdbname, --vmasterdblogin, --vmasterdbpass-file"
        )
    return where


def _first(options: dict[str, Any], config: PhpConfig, theirs: str, plain: str) -> str:
    return options[theirs] or config.text(theirs) or config.text(plain)


def account(where: Site) -> Account:
    return Account(where.fields["db_user"], where.fields["db_password"])
