"""The parser against honest operators and against hostile ones."""

import re

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants import confidential
from tenants.sql.statements import Statement, parse
from tenants.sql.tokens import Refused
from tenants.sql.words import FUNCTIONS, KEYWORDS, RESERVED

VALUES = {"id": "5", "name": "x'; DROP TABLE mdl_user; -- "}


def parsed(text: str) -> Statement:
    [statement] = parse(text, {k: v for k, v in VALUES.items() if f":{k}" in text})
    return statement


def sent(text: str) -> tuple[str, list[str]]:
    return parsed(text).compile("school", "mdl_")


SENT = {
    "SELECT id FROM {user} u WHERE u.id=:id AND {user}.auth LIKE 'a%' -- why": (
        "SELECT id FROM <user> u WHERE u.id = %s AND `mdl_user`.auth LIKE %s",
        ["5", "a%"],
    ),
    "SELECT 1 FROM [[prefix]]user": ("SELECT 1 FROM <user>", []),
    "SELECT 7 % 3, `a%``b` FROM {x}": ("SELECT 7 %% 3 , `a%%``b` FROM <x>", []),
    "SELECT 'it''s', \"\\n\\%\", 'a' 'b'": (
        "SELECT %s , %s , %s %s",
        ["it's", "\n\\%", "a", "b"],
    ),
    "SELECT 1-- 2\n- -1 # x": ("SELECT 1 - - 1", []),
    "SELECT 1/* ' */+/* \" */1": ("SELECT 1 + 1", []),
    "SELECT a FROM {x} LIMIT :id OFFSET 2": ("SELECT a FROM <x> LIMIT 5 OFFSET 2", []),
    "SELECT a FROM {x} LIMIT 1, :id": ("SELECT a FROM <x> LIMIT 1 , 5", []),
    "SELECT engine FROM information_schema.tables t WHERE table_schema = DATABASE()": (
        "SELECT engine FROM information_schema.tables t WHERE table_schema = %s",
        ["school"],
    ),
    "UPDATE {user} SET password = :name WHERE id = 1": (
        "UPDATE <user> SET password = %s WHERE id = 1",
        [VALUES["name"]],
    ),
    "REPLACE INTO {x} (a) VALUES (1)": ("REPLACE INTO <x> ( a ) VALUES ( 1 )", []),
    "DELETE FROM {x} WHERE a=1 ORDER\nBY a LIMIT 2": (
        "DELETE FROM <x> WHERE a = 1 ORDER BY a LIMIT 2",
        [],
    ),
    "INSERT IGNORE INTO {x} SET a = COUNT (1), b = COUNT(1)": (
        "INSERT IGNORE INTO <x> SET a = COUNT ( 1 ) , b = COUNT( 1 )",
        [],
    ),
    "DELETE {a} FROM {a} JOIN {b} ON {a}.id = {b}.id": (
        "DELETE <a> FROM <a> JOIN <b> ON `mdl_a`.id = `mdl_b`.id",
        [],
    ),
    "ALTER TABLE {x} ADD INDEX ix (a), ENGINE=InnoDB": (
        "ALTER TABLE <x> ADD INDEX ix ( a ) , ENGINE = InnoDB",
        [],
    ),
}


@pytest.mark.parametrize("text", SENT, ids=lambda text: text[:40])
def test_what_is_sent(text):
    sql, values = SENT[text]

    assert sent(text) == (re.sub(r"<(\w+)>", r"`school`.`mdl_\1`", sql), values)


@pytest.mark.parametrize(
    ("text", "verb", "reads", "commits"),
    [
        ("SELECT 1", "SELECT", True, False),
        ("(SELECT 1) UNION (SELECT 2)", "SELECT", True, False),
        ("WITH a AS (SELECT 1) SELECT 1 FROM a", "SELECT", True, False),
        ("WITH a AS (SELECT 1) DELETE FROM {x}", "DELETE", False, False),
        ("with a as (select 1) update {x} set b = 1", "UPDATE", False, False),
        ("replace into {x} (a) values (1)", "REPLACE", False, False),
        ("TRUNCATE {x}", "TRUNCATE", False, True),
        ("CREATE TABLE {x} AS SELECT 1 AS a", "CREATE", False, True),
    ],
)
def test_what_a_statement_does(text, verb, reads, commits):
    statement = parsed(text)

    assert (statement.verb, statement.reads, statement.commits) == (
        verb,
        reads,
        commits,
    )


def test_statements_are_separated_by_semicolons_outside_of_texts():
    statements = parse("DELETE FROM {x}; -- ; \n SELECT ';' ;; # end", {})

    assert [str(statement) for statement in statements] == ["DELETE {x}", "SELECT"]


def test_settings_are_read_without_their_secrets():
    sql, _values = sent(
        "SELECT c.name FROM {config} c JOIN {config_plugins} ON {config_plugins}.name ="
        " c.name WHERE c.value IN (SELECT value FROM {config})"
    )

    assert sql.count("'(secret)'") == 3
    assert re.search(r"`mdl_config`\) c JOIN", sql)
    assert "`mdl_config_plugins`) AS `mdl_config_plugins` ON" in sql


HOSTILE = [
    # several in one, or hidden
    "SELECT 1 /*!50000 INTO OUTFILE '/tmp/x' */",
    "SELECT 1 /*M! + 1 */",
    "SELECT /*+ SET_VAR(sql_mode='') */ 1",
    "SELECT 1 UNION DELETE FROM {x}",
    "WITH x AS (DELETE FROM {a} RETURNING *) SELECT 1",
    "SELECT (INSERT INTO {x} VALUES (1))",
    "SELECT 1 INTO @x",
    "SELECT 'a",
    "SELECT 1 /* a",
    # other databases
    "SELECT host FROM mysql.user",
    "SELECT a FROM mdl_user",
    "SELECT a FROM `mdl_user`",
    "SELECT a FROM other.mdl_user",
    "SELECT a FROM other.{user}",
    "SELECT other.mdl_user.a FROM {user}",
    "UPDATE mysql.user SET a = 1",
    "DROP DATABASE school",
    "SELECT a FROM information_schema.processlist",
    "SELECT a FROM information_schema.user_privileges",
    "SELECT a FROM performance_schema.threads",
    "SELECT password FROM mdl_user WHERE EXISTS (WITH mdl_user AS (SELECT 1) SELECT 1)",
    # the server and its files
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT 1 INTO DUMPFILE '/tmp/x'",
    "SELECT LOAD_FILE('/etc/passwd')",
    "LOAD DATA INFILE 'x' INTO TABLE {y}",
    "CREATE TABLE {x} (id int) ENGINE=FEDERATED CONNECTION='mysql://x'",
    "CREATE TABLE {x} (id int) ENGINE=CONNECT",
    "CREATE TABLE {x} (id int) DATA DIRECTORY='/tmp'",
    "SET GLOBAL general_log = 1",
    "SELECT @@version",
    "SELECT @a := 1",
    "GRANT ALL ON *.* TO x",
    "KILL 3",
    "SHOW GRANTS",
    "FLUSH TABLES",
    "INSTALL PLUGIN x SONAME 'y'",
    # time, locks, code
    "SELECT SLEEP(5)",
    "SELECT `sleep`(5)",
    "SELECT sleep (5)",
    "SELECT/**/SLEEP/**/(5)",
    "SELECT BENCHMARK(100, 1)",
    "SELECT GET_LOCK('a', 1)",
    "SELECT RELEASE_ALL_LOCKS()",
    "SELECT school.f(1)",
    "SELECT f(1)",
    "SELECT NEXTVAL(s)",
    "SELECT a FROM {x} FOR UPDATE",
    "SELECT a FROM {x} LOCK IN SHARE MODE",
    "LOCK TABLES {x} READ",
    "HANDLER {x} OPEN",
    "CALL f()",
    "PREPARE s FROM 'x'",
    "EXECUTE IMMEDIATE 'x'",
    "DO SLEEP(1)",
    "BEGIN NOT ATOMIC SELECT 1; END",
    "START TRANSACTION",
    "COMMIT",
    "CREATE TRIGGER t BEFORE INSERT ON {x} FOR EACH ROW SET a = 1",
    "CREATE VIEW {x} AS SELECT 1",
    "CREATE FUNCTION f() RETURNS INT RETURN 1",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "SELECT a FROM {x} PROCEDURE ANALYSE()",
    "SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS(a INT PATH '$')) x",
    # secrets
    "SELECT sid FROM {sessions}",
    "DELETE FROM {sessions}",
    "TRUNCATE {external_tokens}",
    "SELECT password FROM {user}",
    "SELECT `pAssword` FROM {user}",
    "SELECT u.password FROM {user} u",
    "SELECT {user}.password FROM {user}",
    "SELECT id FROM {user} WHERE password LIKE 'a%'",
    "SELECT id FROM {user} ORDER BY password",
    "SELECT 1 FROM {user} JOIN (SELECT 'x' AS password) y USING (password)",
    "SELECT 1 FROM {user} NATURAL JOIN {x}",
    "SELECT * FROM {user}",
    "SELECT u.* FROM {user} u",
    "SELECT 1 AS a UNION SELECT * FROM {user}",
    "SELECT * FROM (TABLE {user}) x",
    "INSERT INTO {x} SELECT * FROM {user}",
    "INSERT INTO {x} TABLE {user}",
    "CREATE TABLE {x} AS SELECT * FROM {user}",
    "UPDATE {user} SET city = password",
    "UPDATE {user} SET password = '', city = password",
    "UPDATE {user} SET city = 'x' WHERE password LIKE 'a%'",
    "INSERT INTO {user} (password) VALUES ('') ON DUPLICATE KEY UPDATE city = password",
    "ALTER TABLE {user} CHANGE password pw VARCHAR(255)",
    "ALTER TABLE {user} RENAME COLUMN password TO pw",
    "UPDATE {config} SET name = 'x' WHERE name = 'smtppass'",
    "UPDATE {config_log} SET userid = value",
    "INSERT INTO {config} (id) VALUES (1) ON DUPLICATE KEY UPDATE name = 'x'",
    "UPDATE {config} c JOIN {x} x ON 1 = 1 SET x.a = c.value",
    "UPDATE {x} x JOIN {config} c ON 1 = 1 SET x.a = c.value, c.name = 'a'",
    "DELETE {x} FROM {x} JOIN {config} ON {x}.a = {config}.value",
    "DELETE FROM {config} RETURNING value",
    "ALTER TABLE {config} RENAME TO {x}",
    "ALTER TABLE {x} RENAME TO {config}",
    "DROP TABLE {config}",
    "TRUNCATE {config_plugins}",
    "CREATE INDEX i ON {config} (name)",
    # names, signs, parameters
    "SELECT {user}",
    "SELECT 1 AS {user}",
    "SELECT a FROM {User}",
    "SELECT a FROM {../x}",
    "SELECT a FROM {x`y}",
    "SELECT a FROM {{user}}",
    "SELECT a FROM `{user}`",
    "SELECT '{' user '}'",
    "SELECT :nothing",
    "SELECT : id",
    "SELECT ?",
    "SELECT .5",
    "SELECT b'01'",
    "SELECT N'a'",
    "SELECT _utf8'a'",
    "SELECT \\N",
    "SELECT a\0b",
    "SELECT \u200b1",
    "SELECT ａ FROM {x}",
    "SELECT outfile FROM {x}",
    "SELECT CURRENT_USER",
    "SELECT $x",
    "SELECT a FROM {x} t (b)",
    "TABLE {user}",
    "VALUES (1)",
    "EXPLAIN SELECT 1",
    "",
    ";;",
    "-- only this",
    "SELECT",
    "SELECT 1 SELECT 2",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT " + "NOT " * 5000 + "1",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:60]))
def test_what_is_refused_is_told_in_one_sentence(text):
    with pytest.raises(Refused) as caught:
        parsed(text)

    sentence = str(caught.value)
    assert sentence and "\n" not in sentence and "\x1b" not in sentence
    assert len(sentence) < 200


def told(text: str, language: str) -> str:
    with translation.override(language), pytest.raises(Refused) as caught:
        parsed(text)
    return str(caught.value)


def test_what_is_refused_is_told_in_the_readers_language():
    same = [text for text in HOSTILE if told(text, "en") == told(text, "fr")]

    assert same == []
    assert told("EXPLAIN SELECT 1", "fr").startswith("'EXPLAIN' ne commence aucune")


def test_a_update_of_a_secret_column_may_say_its_name_as_often_as_it_sets_it():
    assert parsed("UPDATE {user} SET password = 'x', secret = 'y' WHERE id = 1")
    assert parsed("INSERT INTO {user} (id, password) VALUES (1, 'x')")


@pytest.mark.parametrize("value", ["1; DROP", "-1", "1 UNION", "", "1" * 19, "٣"])
def test_a_number_of_rows_is_a_number(value):
    with pytest.raises(Refused, match="whole numbers"):
        parse("SELECT a FROM {x} LIMIT :n", {"n": value})


def test_a_parameter_that_nothing_uses_is_a_mistake():
    with pytest.raises(Refused, match="No statement uses the parameter nmae"):
        parse("SELECT :name", {"name": "", "nmae": "x"})


def test_a_known_word_is_not_both_dangerous_and_known():
    dangerous = set(DANGEROUS.split())

    assert dangerous & (KEYWORDS | FUNCTIONS) == set()
    assert {"outfile", "dumpfile", "procedure", "returning", "for"} <= RESERVED


DANGEROUS = """
        outfile dumpfile infile load_file procedure handler call prepare execute global
        session grant revoke sleep benchmark get_lock release_lock master_pos_wait lock
        for share current_user user natural returning shutdown kill plugin function
        trigger event view database schema connection directory federated connect show
        describe explain do declare begin commit rollback start flush reset repeat
        xml extractvalue updatexml
    """
# Pieces that a hostile text may be made of.
PIECES = """
    SELECT FROM WHERE INSERT INTO UPDATE SET DELETE UNION ALL WITH AS JOIN ON USING
    LIMIT CREATE TABLE ALTER DROP ( ) , ; . * = - -- # /* */ /*! ' " ` \\ { } {user}
    {config} {x} [[prefix]]y :id :name password sleep SLEEP( `sleep`( mysql.user
    mdl_user 1 0x41 1e5 .5 @ @@ := -> % %s %(a)s a.b b' N' _utf8' \\' '' '; OUTFILE
    FOR information_schema.tables DATABASE() NULL VALUES KEY INDEX
"""
BITS = st.sampled_from(
    PIECES.split() + ["\0", "\n", "\t", "é", "\u200b", "\u2028", "ａ", "💥"]
) | st.text(max_size=8)
TEXTS = st.lists(BITS, max_size=25).flatmap(
    lambda bits: st.sampled_from(["", " "]).map(lambda glue: glue.join(bits))
)
PLAIN = re.compile(r"(`[^`\0]*`|[A-Za-z0-9_ ().,=<>!+*/&|^~-]|%%|%s)*")


@given(text=TEXTS)
@settings(max_examples=1500, deadline=None)
def test_any_text_is_refused_or_sent_in_plain_words(text):
    try:
        statements = parse(text, {k: v for k, v in VALUES.items() if f":{k}" in text})
    except Refused:
        return
    for statement in statements:
        sql, values = statement.compile("school", "mdl_")
        sql = re.sub(r"\(SELECT id, .*? FROM (`school`.`mdl_\w+`)\)", r"\1", sql)
        assert PLAIN.fullmatch(sql), sql
        assert not re.search(r"--|/\*|\*/|#|;", re.sub("`[^`]*`", "", sql)), sql
        assert sql.count("%s") == len(values)


@given(value=st.text())
@settings(max_examples=300, deadline=None)
def test_a_value_never_becomes_a_part_of_the_text(value):
    sql, values = parse("SELECT :v, ':v' FROM {x} WHERE a = :v", {"v": value})[
        0
    ].compile("school", "mdl_")

    assert sql == "SELECT %s , %s FROM `school`.`mdl_x` WHERE a = %s"
    assert values == [value, ":v", value]


@given(name=st.text(min_size=1, max_size=80))
@settings(max_examples=300, deadline=None)
def test_a_table_is_a_name_of_moodle_or_refused(name):
    known = re.fullmatch("[a-z][a-z0-9_]{0,60}", name)
    if known and name not in confidential.TABLES | set(confidential.SETTINGS):
        assert f"`school`.`mdl_{name}`" in sent(f"SELECT 1 FROM {{{name}}}")[0]
    elif not known:
        with pytest.raises(Refused):
            sent(f"SELECT 1 FROM {{{name}}}")


@given(name=st.text(min_size=1, max_size=70))
@settings(max_examples=300, deadline=None)
def test_a_name_between_back_quotes_stays_one(name):
    quoted = name.replace("`", "``")
    try:
        sql, _values = sent(f"SELECT x.`{quoted}` FROM {{x}} x")
    except Refused:
        assert (
            len(name) > 64
            or not name.isprintable()
            or "{" in name
            or name.lower() in confidential.COLUMNS
        )
    else:
        escaped = quoted.replace("%", "%%")
        assert sql == f"SELECT x.`{escaped}` FROM `school`.`mdl_x` x"
