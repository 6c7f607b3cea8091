"""A snapshot and a restore of a 1 GB tenant, against plain mariadb-dump and zstd.

The tenant is a real site whose big tables are filled: rows such as Moodle writes, the
log 45 % of all, and hundreds of small tables as they are. Ours, the plain pipe and
mydumper take turns in each round, another one first each time. Ours is timed as the
database alone and as a whole, with data files, checksums, the swap, and Moodle's own
start on what was restored. The plain pipe and mydumper do the database and no more.

    python bench/snapshot.py DUMP --moodle DIR [--megabytes 1000] [--files 300]
        [--rounds 2] [--ways ours,plain,mydumper] [--keep DIR]

DUMP: what mariadb-dump wrote of one real site (MOODLE's). The server's data is below
TMPDIR.
"""

import argparse
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet import code_tree, mariadb, median, scratch, site_row, table, timed

if TYPE_CHECKING:
    from tenants.models import DatabaseServer, Release, Tenant

Figures = Iterator[tuple[str, float]]
Way = Callable[["Tenant", Path], Figures]

WORDS = (
    "the course students of to work a in your is and for group please read this week "
    "answer quiz question that we will on are be forum discuss chapter because example"
)
FILE = 100_000  # bytes of each data file
COPY = "copy"  # the database that a dump is loaded into


def main() -> None:
    options = parser().parse_args()
    with scratch(LOG_LEVEL="ERROR") as home, mariadb(options.keep or home, "1G") as db:
        release = code_tree(home, options.moodle)
        tenant = filled(db, options.dump, options.megabytes, home, release)
        store_files(Path(tenant.data_path), options.files * 1_000_000)
        ways = [WAYS[name] for name in options.ways.split(",")]
        told(measure(tenant, home, ways, options.rounds))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    made.add_argument("dump", type=Path)
    made.add_argument("--moodle", type=Path, metavar="DIR", required=True)
    made.add_argument("--megabytes", type=int, default=1000, help="Of SQL.")
    made.add_argument("--files", type=int, default=300, help="Megabytes of files.")
    made.add_argument("--rounds", type=int, default=2)
    made.add_argument("--ways", default=",".join(WAYS), help="Which are measured.")
    made.add_argument("--keep", type=Path, help="Keep the filled server there.")
    return made


def filled(
    server: "DatabaseServer", dump: Path, megabytes: int, home: Path, release: "Release"
) -> "Tenant":
    """Return the site, whose tables are filled unless a former run has kept them."""
    from tenants import moodledb
    from tenants.lifecycle import databases

    mark = f"filled {megabytes}"
    kept = databases.mark_of(server, "site") == mark
    left = moodledb.query(server, "SHOW DATABASES LIKE 'vmoodle\\_%%'")
    for (name,) in [*left, (COPY,), *([] if kept else [("site",)])]:
        moodledb.execute(server, f"DROP DATABASE IF EXISTS `{name}`")
    tenant = site_row("site", home, server, release)
    if not kept:
        with dump.open("rb") as file:
            argv = [*client("mariadb", server), "site"]
            subprocess.run(argv, stdin=file, check=True)
        print(f"filled in {timed(lambda: fill(server, megabytes)):.0f} s", flush=True)
        databases.set_mark(server, "site", mark)
    return tenant


def number(most: int) -> str:
    return f"1 + FLOOR(RAND() * {most})"


def one_of(*values: str) -> str:
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"ELT({number(len(values))}, {quoted})"


def words(count: int) -> str:
    return f"CONCAT_WS(' ', {', '.join([one_of(*WORDS.split())] * count)})"


WHEN = "1600000000 + seq * 37"
USER, COURSE = number(20_000), number(800)
BIG: dict[str, tuple[int, dict[str, str]]] = {  # rows in a gigabyte, columns
    "logstore_standard_log": (
        2_700_000,
        {
            "eventname": one_of(
                r"\\core\\event\\course_viewed",
                r"\\mod_quiz\\event\\attempt_viewed",
                r"\\mod_forum\\event\\discussion_viewed",
                r"\\core\\event\\user_loggedin",
            ),
            "component": one_of("core", "mod_quiz", "mod_forum"),
            "action": one_of("viewed", "loggedin", "submitted"),
            "target": one_of("course", "user", "attempt", "discussion"),
            "objecttable": one_of("user", "quiz_attempts", "forum_discussions"),
            "objectid": number(900_000),
            "crud": one_of("r", "r", "c", "u"),
            "edulevel": number(2),
            "contextid": number(60_000),
            "contextlevel": one_of("50", "70"),
            "contextinstanceid": number(50_000),
            "userid": USER,
            "courseid": COURSE,
            "relateduserid": "NULL",
            "other": f"CONCAT('{{\"quizid\":\"', {number(4000)}, '\"}}')",
            "timecreated": WHEN,
            "origin": "'web'",
            "ip": f"CONCAT('10.', {number(40)}, '.', {number(250)}, '.7')",
        },
    ),
    "question_attempts": (
        350_000,
        {
            "questionusageid": "seq DIV 10",
            "slot": "seq MOD 10",
            "behaviour": "'deferredfeedback'",
            "questionid": number(20_000),
            "maxmark": "1",
            "minfraction": "0",
            "questionsummary": words(30),
            "rightanswer": words(10),
            "responsesummary": words(10),
            "timemodified": WHEN,
        },
    ),
    "question_attempt_steps": (
        1_000_000,
        {
            "questionattemptid": "seq DIV 3",
            "sequencenumber": "seq MOD 3",
            "state": one_of("todo", "complete", "gradedright", "gradedwrong"),
            "fraction": "RAND()",
            "timecreated": WHEN,
            "userid": USER,
        },
    ),
    "question_attempt_step_data": (
        2_000_000,
        {
            "attemptstepid": "seq DIV 2",
            "name": one_of("_order", "answer", "-finish", "_choice0"),
            "value": number(3_000_000),
        },
    ),
    "forum_posts": (
        200_000,
        {
            "discussion": "seq DIV 8",
            "userid": USER,
            "created": WHEN,
            "modified": WHEN,
            "subject": words(5),
            "message": words(80),
            "messageformat": "1",
        },
    ),
    "grade_grades_history": (
        600_000,
        {
            "action": number(2),
            "oldid": number(300_000),
            "source": one_of("mod/quiz", "mod/assign", "system"),
            "timemodified": WHEN,
            "loggeduser": USER,
            "itemid": number(9000),
            "userid": USER,
            "rawgrade": "100 * RAND()",
            "finalgrade": "100 * RAND()",
        },
    ),
    "files": (
        200_000,
        {
            "contenthash": "SHA1(seq DIV 3)",
            "pathnamehash": "SHA1(CONCAT('path', seq))",
            "contextid": number(60_000),
            "component": one_of("mod_resource", "assignsubmission_file", "user"),
            "filearea": one_of("content", "submission_files", "draft"),
            "itemid": number(900_000),
            "filepath": "'/'",
            "filename": f"CONCAT({words(3)}, '.pdf')",
            "userid": USER,
            "filesize": number(5_000_000),
            "mimetype": "'application/pdf'",
            "author": words(2),
            "timecreated": WHEN,
            "timemodified": WHEN,
        },
    ),
    "course_modules_completion": (
        700_000,
        {
            "coursemoduleid": "seq MOD 200",
            "userid": "seq DIV 200",
            "completionstate": "1",
            "timemodified": WHEN,
        },
    ),
}


def fill(server: "DatabaseServer", megabytes: int) -> None:
    """Fill the big tables, two at once."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: fill_table(server, name, megabytes), BIG))


def fill_table(server: "DatabaseServer", name: str, megabytes: int) -> None:
    """Fill a table: its keys and its packed pages are made of all rows at the end."""
    from tenants import moodledb

    rows, columns = BIG[name]
    table = f"mdl_{name}"
    [(_table, text)] = moodledb.query(server, f"SHOW CREATE TABLE site.{table}")
    keys = re.findall(r"^  ((?:UNIQUE )?KEY `(\w+)` .*?),?$", text, re.MULTILINE)
    drops = [f"DROP KEY {key}" for _definition, key in keys]
    adds = [f"ADD {definition}" for definition, _key in keys]
    sql = (
        f"TRUNCATE {table};"
        f"ALTER TABLE {table} {', '.join([*drops, 'ROW_FORMAT=DYNAMIC'])};"
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT"
        f" {', '.join(columns.values())} FROM seq_1_to_{rows * megabytes // 1000};"
        f"ALTER TABLE {table} {', '.join([*adds, 'ROW_FORMAT=COMPRESSED'])};"
        f"ANALYZE TABLE {table}"
    )
    argv = [*client("mariadb", server), "site"]
    subprocess.run(argv, input=sql.encode(), stdout=subprocess.DEVNULL, check=True)


def store_files(data: Path, size: int) -> None:
    """Store files as Moodle does, named after their contents."""
    for _n in range(size // FILE):
        content = os.urandom(FILE)
        name = hashlib.sha1(content).hexdigest()
        path = data / "filedir" / name[:2] / name[2:4] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def client(program: str, server: "DatabaseServer") -> list[str]:
    return [program, "--no-defaults", f"--socket={server.socket}"]


def measure(
    tenant: "Tenant", home: Path, ways: Sequence[Way], rounds: int
) -> dict[str, float]:
    """Return the median of each figure."""
    found: dict[str, list[float]] = defaultdict(list)
    os.sync()
    for turn in range(rounds):
        first = turn % len(ways)
        for way in [*ways[first:], *ways[:first]]:
            work = home / "work"
            work.mkdir()
            for what, figure in way(tenant, work):
                print(f"  round {turn + 1}: {what} {figure:.1f}", flush=True)
                found[what].append(figure)
                os.sync()
            shutil.rmtree(work)
    return {what: median(figures) for what, figures in found.items()}


def ours(tenant: "Tenant", work: Path) -> Figures:
    from tenants.backup import dump, snapshots

    made: list[dump.Dump] = []
    write = dump.dump(tenant.server, tenant.db_name, work)
    yield "our dump", timed(lambda: made.append(drain(write)))
    yield "MB of SQL", sum(one["bytes"] for one in made[0]["tables"].values()) / 1e6
    yield "MB packed", sum(part["bytes"] for part in made[0]["parts"]) / 1e6
    taken: list[Any] = []
    yield "our snapshot", timed(lambda: taken.append(drain(snapshots.take(tenant))))
    yield from restored(tenant, taken[0])
    snapshots.delete(taken[0])


def restored(tenant: "Tenant", snapshot: Any) -> Figures:
    """Restore; tell how long the load takes, and all of it."""
    from tenants.backup.restore import restore

    start = time.perf_counter()
    began = {}
    for line in restore(tenant, snapshot, page="{owner}"):
        if line and line.startswith("== "):
            began[line] = time.perf_counter()
    end = time.perf_counter()
    yield "our load", began["== lay out the data files"] - began["== load the snapshot"]
    yield "our restore", end - start


def drain(steps: Generator[Any, None, Any]) -> Any:
    """Run a generator to its end; return what it returns."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def plain(tenant: "Tenant", work: Path) -> Figures:
    read = [*client("mariadb-dump", tenant.server), "--single-transaction", "site"]
    write = [*client("mariadb", tenant.server), COPY]
    packed = f"{work}/site.sql.zst"
    yield "plain dump", timed(lambda: shell(f"{shlex.join(read)} | zstd -q > {packed}"))
    yield "plain MB", Path(packed).stat().st_size / 1e6
    unpack = f"zstd -q -d -c {packed} | {shlex.join(write)}"
    with copy(tenant):
        yield "plain load", timed(lambda: shell(unpack))


def mydumper(tenant: "Tenant", work: Path) -> Figures:
    login = [f"--socket={tenant.server.socket}", f"--user={getuser()}", "--threads=4"]
    dump = [*login, f"--outputdir={work}/dump", "--compress", "--database=site"]
    load = [*login, f"--directory={work}/dump", f"--database={COPY}"]
    yield "mydumper", timed(lambda: subprocess.run(["mydumper", *dump], check=True))
    with copy(tenant):
        yield "myloader", timed(lambda: subprocess.run(["myloader", *load], check=True))


def shell(words: str) -> None:
    subprocess.run(["bash", "-o", "pipefail", "-c", words], check=True)


@contextmanager
def copy(tenant: "Tenant") -> Iterator[None]:
    """Make a database to load into; drop it when all tables are there."""
    from tenants.lifecycle import databases

    databases.create(tenant.server, COPY, COPY)
    try:
        yield
        names = [databases.table_sizes(tenant.server, one) for one in ("site", COPY)]
        assert names[0].keys() == names[1].keys()
    finally:
        databases.drop(tenant.server, COPY, COPY)


WAYS: dict[str, Way] = {"ours": ours, "plain": plain, "mydumper": mydumper}


def told(found: dict[str, float]) -> None:
    """Print what was measured, and the ratios of what was measured in one run."""
    rows = [
        (what, figure, "MB" if "MB" in what else "s") for what, figure in found.items()
    ]
    if {"our load", "plain load"} <= found.keys():
        pipe = found["plain dump"] + found["plain load"]
        database = found["our dump"] + found["our load"]
        whole = found["our snapshot"] + found["our restore"]
        rows += [
            (
                "dump, ours of the plain one",
                found["our dump"] / found["plain dump"],
                "",
            ),
            ("load", found["our load"] / found["plain load"], ""),
            ("dump and load (at most 1.1)", database / pipe, ""),
            ("our whole of the plain database", whole / pipe, ""),
        ]
    table("One tenant", rows)


if __name__ == "__main__":
    main()
