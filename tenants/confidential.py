"""What nobody reads out of a site's database: one rule for all that read it.

Some tables are not for reading at all, some columns neither, and of Moodle's settings
those that by their name are secret.
"""

import re
from collections.abc import Sequence
from itertools import pairwise


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


HIDDEN = "(secret)"  # stands for a setting's value

# They hold what opens a session or another system, and little else.
TABLES = _names(
    """
    ai_providers badge_backpack_oauth2 chat_users enrol_lti_lti2_share_key
    external_tokens lti_access_tokens messageinbound_datakeys mnet_session
    oauth2_access_token oauth2_refresh_token oauth2_system_account payment_gateways
    portfolio_mahara_queue registration_hubs scorm_aicc_session sessions sms_gateways
    tool_mfa tool_mfa_secrets user_password_history user_password_resets
    user_private_key
    """
)
COLUMNS = _names(
    """
    access_token accesstoken api_key apikey client_secret clientsecret confirmtoken
    consumersecret enrolmentkey guestpassword moderatorpass passwd password
    private_key privatekey privatetoken quitpassword refresh_token refreshtoken secret
    servicesalt shared_secret sharedsecret token viewerpass
    """
)
# Tables of Moodle itself with such a column, whose `*` is refused before anything runs.
WITH_COLUMNS = _names(
    """
    auth_oauth2_linked_login badge_backpack bigbluebuttonbn course_request enrol
    enrol_lti_lti2_consumer enrol_lti_tools enrol_lti_users groups lesson
    lesson_overrides lti lti_tool_proxies oauth2_issuer quiz quiz_overrides
    quizaccess_seb_quizsettings repository_instances user
    """
)
# Tables of settings: all their columns, and those that hold a value.
SETTINGS: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "config": (("id", "name", "value"), frozenset({"value"})),
    "config_plugins": (("id", "plugin", "name", "value"), frozenset({"value"})),
    "config_log": (
        ("id", "userid", "timemodified", "plugin", "name", "value", "oldvalue"),
        frozenset({"value", "oldvalue"}),
    ),
    "adminpresets_it": (
        ("id", "adminpresetid", "plugin", "name", "value"),
        frozenset({"value"}),
    ),
    "lti_types_config": (("id", "typeid", "name", "value"), frozenset({"value"})),
    "portfolio_instance_config": (
        ("id", "instance", "name", "value"),
        frozenset({"value"}),
    ),
    "repository_instance_config": (
        ("id", "instanceid", "name", "value"),
        frozenset({"value"}),
    ),
}
GUARDED = (
    "secret|salt|credential"
    "|(pass(wd|word|code)?|phrase|pw|token|key)[0-9]*$"
    "|^openssl|^siteidentifier$"
)
UNGUARDED = "(public_?key|bypass)[0-9]*$"
ACCOUNT_IN_URL = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
SWITCHES = ("", "0", "1")  # no secret, whatever the name


def shown(name: str, value: str) -> str:
    """Return the value of a setting, or `HIDDEN` when its name says it is secret.

    >>> shown("smtppass", "x"), shown("passwordpolicy", "1"), shown("theme", "boost")
    ('(secret)', '1', 'boost')
    """
    name = name.lower()
    if value in SWITCHES or re.search(UNGUARDED, name) or not re.search(GUARDED, name):
        return value
    return HIDDEN


def is_secret(name: str) -> bool:
    """Whether a setting's name tells of a secret.

    >>> is_secret("smtppass"), is_secret("passwordpolicy")
    (True, False)
    """
    return shown(name, HIDDEN[1:]) == HIDDEN


def secret_option(script: str, words: Sequence[str]) -> str:
    """Return the first of a script's options that gives a secret, "" if none does.

    >>> secret_option("admin/cli/install.php", ["--lang=fr", "--adminpass=x"])
    '--adminpass'
    >>> secret_option("admin/cli/cfg.php", ["--name=smtppass", "--set=x"])
    '--name=smtppass'
    >>> secret_option("admin/cli/cfg.php", ["--json"])  # it prints all settings
    'cfg.php without --name'
    """
    is_cfg = script.endswith("/cfg.php")
    if is_cfg and not any(re.match("--name|--help|-h", word) for word in words):
        return "cfg.php without --name"
    for word, next_one in pairwise([*words, "-"]):
        option, joined, value = word.partition("=")
        if not option.startswith("-"):
            continue
        if not joined and not next_one.startswith("-"):
            value = next_one
        name = option.lstrip("-").replace("-", "_")
        if name == "p" and script.endswith("/reset_password.php"):
            name = "password"
        if shown(name, value) == HIDDEN or ACCOUNT_IN_URL.search(value):
            return option
        if name == "name" and is_cfg and is_secret(value):
            return f"{option}={value}"
    return ""


def without_secrets(name: str, table: str) -> str:
    """Return a table of settings as SQL may read it: the values as `shown` has them.

    `table`: how the statement names it, quoted.
    """
    columns, values = SETTINGS[name]
    parts = ", ".join(
        _shown_column(column) if column in values else column for column in columns
    )
    return f"(SELECT {parts} FROM {table})"  # noqa: S608 - nothing of it is input


def _shown_column(column: str) -> str:
    switches = ", ".join(f"'{value}'" for value in SWITCHES)
    return (
        f"CASE WHEN {column} NOT IN ({switches}) AND LOWER(name) RLIKE '{GUARDED}' "
        f"AND LOWER(name) NOT RLIKE '{UNGUARDED}' THEN '{HIDDEN}' "
        f"ELSE {column} END AS {column}"
    )
