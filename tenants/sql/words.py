"""The words that a statement may consist of, besides the names of its own columns.

Whatever is not here is refused: a new version of a database server brings new ones.
"""

import re

from sqlglot.dialects.mysql import MySQL


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The first word: what a statement does. Those of CHANGES commit by themselves.
READS = _words("select with")
WRITES = _words("insert replace update delete")
CHANGES = _words("create alter drop truncate")

KEYWORDS = (
    READS
    | WRITES
    | CHANGES
    | _words(
        """
        all and any as asc between by case collate cross current desc distinct div
        duplicate else end escape except exists false first following force from
        group having ignore in inner intersect interval into is join key last left
        like limit mod not null offset on or order outer over partition preceding
        range recursive regexp right rlike rollup row rows separator set some
        straight_join then true unbounded union unknown use using values when where
        window xor

        current_date current_time current_timestamp localtime localtimestamp utc_date
        utc_time utc_timestamp

        against boolean expansion language leading mode both query
        trailing

        microsecond second minute hour day week month quarter year day_hour day_minute
        day_second hour_minute hour_second minute_second year_month

        binary bigint bit blob bool char character charset date datetime decimal double
        enum fixed float int integer json longblob longtext mediumblob mediumint
        mediumtext numeric precision real signed smallint text time timestamp tinyblob
        tinyint tinytext unsigned varbinary varchar varying zerofill

        add after auto_increment change column comment constraint default engine if
        index modify primary rename row_format table to unique

        aria innodb memory myisam compact compressed dynamic redundant

        ascii latin1 utf8 utf8mb3 utf8mb4
        """
    )
)
CHARSET = re.compile(r"(ascii|binary|latin1|utf8|utf8mb3|utf8mb4)(_[a-z0-9_]+)?")
# Of these some may stand before a parenthesis that is no list of arguments.
BEFORE_PARENTHESIS = _words(
    """
    all and any as between by case distinct div else except exists from having if in
    index intersect interval is join key like limit mod not offset on or over regexp
    rlike row select some then union unique using values when where xor

    against binary bit char character decimal double enum fixed float int integer
    bigint mediumint numeric real smallint text time datetime timestamp tinyint
    varbinary varchar year
    """
)
FUNCTIONS = _words(
    """
    avg bit_and bit_or bit_xor count group_concat json_arrayagg json_objectagg max min
    std stddev stddev_pop stddev_samp sum var_pop var_samp variance

    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank
    rank row_number

    coalesce greatest if ifnull isnull least nullif

    ascii bit_length char char_length character_length concat concat_ws elt field
    find_in_set format from_base64 hex insert instr lcase left length locate lower lpad
    ltrim mid octet_length ord position quote regexp_instr regexp_like regexp_replace
    regexp_substr replace reverse right rpad rtrim soundex strcmp substr substring
    substring_index to_base64 trim ucase unhex upper

    abs bin bit_count ceil ceiling conv crc32 exp floor ln log log10 log2 md5 mod oct pi
    pow power radians rand round sha sha1 sha2 sign sqrt truncate

    adddate addtime curdate current_date current_time current_timestamp curtime date
    date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear
    extract from_days from_unixtime hour last_day localtime localtimestamp makedate
    maketime microsecond minute month monthname now period_add period_diff quarter
    sec_to_time second str_to_date subdate subtime sysdate time time_format
    time_to_sec timediff timestamp timestampadd timestampdiff to_days to_seconds
    unix_timestamp utc_date utc_time utc_timestamp week weekday weekofyear year
    yearweek

    json_array json_array_append json_array_insert json_contains json_contains_path
    json_depth json_exists json_extract json_insert json_keys json_length
    json_merge_patch json_merge_preserve json_object json_query json_quote json_remove
    json_replace json_search json_set json_type json_unquote json_valid json_value

    cast convert last_insert_id match uuid values
    """
)
# No name, unless between back-quotes: to the server they may mean something else.
RESERVED = frozenset(MySQL.Generator.RESERVED_KEYWORDS) | {"returning", "dumpfile"}
# Of information_schema.
ABOUT_TABLES = _words(
    """
    character_sets collations columns engines key_column_usage partitions
    referential_constraints statistics table_constraints tables
    """
)
