"""What is bound to one site: which settings and tables nobody sets or copies."""

import re
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from tenants import confidential
from tenants.serving.boot import IDENTITY, OWN

if TYPE_CHECKING:
    from tenants.models import Tenant

# Why a setting is left alone, by the names it concerns; for the core and for plugins.
NEVER = (
    (
        rf"db\w+|libdir|filedir|trashdir|localrequestdir|upgradekey|admin"
        rf"|{'|'.join(sorted(IDENTITY | OWN))}",
        _("%(name)s comes from the registry: edit the tenant there"),
    ),
    (
        "version|release|branch|all(versions|component)hash|upgraderunning"
        "|outagelessupgrade|rolesactive|backup_version",
        _("%(name)s tells which code the database fits: only an upgrade writes it"),
    ),
    (
        "(theme|js|template|lang)rev|localcachedirpurged|scheduledtaskreset"
        "|last(cron|run|sync|check|fetch)\\w*",
        _("%(name)s is Moodle's own record of what it has done"),
    ),
    (
        "siteidentifier|site_uuid|registrationpending|\\w*salt(main)?|(lti_13_)?kid"
        "|(lti_13_)?privatekey|openssl(_history|_generations)?",
        _("%(name)s tells this one site from others, or is its private key"),
    ),
    (
        "siteadmins|siteguest|mnet_\\w+_id",
        _("%(name)s holds ids of this one site"),
    ),
)
OF_PLUGINS = NEVER[1:4]  # a plugin's setting may well be called `dbname` or `prefix`
# Ids differ between sites: someone may set them, but nobody copies them blindly.
IDS = (
    "(\\w*_)?(role|user|course|category|cohort|context|issuer|grouping)ids?"
    "|\\w*roleids?|\\w*groupingid|imsrolemap\\d+|defaultrole"
)
ACTIVITIES = (
    "assign|bigbluebuttonbn|book|chat|choice|data|feedback|folder|forum|glossary"
    "|h5pactivity|imscp|label|lesson|lti|page|quiz|resource|scorm|survey|url|wiki"
    "|workshop"
)
KEYS = _("%(name)s holds keys of one site, or its ties to other systems")
# Why the rows of a table make no sense on another site, by the tables it concerns.
TABLES = (
    (
        "\\w*_?sessions?|lock_db|cache_\\w+|task_\\w+|events_queue\\w*|file_conversion"
        "|\\w+_(locks?|queue|tempdata|autosave)|backup_\\w+|profiling|context_temp",
        _("%(name)s belongs to what runs on one site just now"),
    ),
    (
        "config|config_plugins|config_log|upgrade_log|adminpresets\\w*",
        _(
            "%(name)s holds settings: copy those of a plugin by"
            " generic/CopyFullPluginConfig, set one by generic/SetConfig"
        ),
    ),
    (
        "role|role_\\w+|capabilities|context|tool_cohortroles",
        _(
            "%(name)s belongs to roles and contexts: copy a role by the commands"
            " of roles"
        ),
    ),
    (
        "\\w*(password|secret|token|private_key|datakeys|linked_login)\\w*|oauth2_\\w+"
        "|mnet\\w*|enrol_lti_\\w+|registration_hubs|external_services_users|tool_mfa\\w*"
        "|badge_backpack\\w*|payment\\w*|paygw_\\w+|matrix_room|communication\\w*"
        "|repository_onedrive_access|portfolio_\\w+",
        KEYS,
    ),
    (
        "user|user_(?!info_(field|category)$)\\w+|\\w+_(users?|members)|favourite"
        "|my_pages|badge_(issued|manual_award|criteria_met)|messages?|message_\\w+"
        "|notifications|post|comments|rating|log|log_queries|logstore_\\w+|stats_\\w+"
        "|tool_policy_acceptances|tool_monitor_(events|history|subscriptions)"
        "|tool_dataprivacy_(request|c\\w+|rqst\\w+)|search_\\w+|analytics_\\w+|event"
        "|event_subscriptions|blog_\\w+|xapi_states|competency_(user|plan|evid)\\w*"
        "|moodlenet_\\w+|block_rss_client|block_recent\\w*|tag_instance",
        _("%(name)s tells of people of one site, whose ids are others elsewhere"),
    ),
    (
        "course|course_\\w+|enrol|enrol_\\w+|grades?|grade_\\w+|grading\\w*|groups?"
        "|groupings?\\w*|block_(instances|positions)|question\\w*|qtype_\\w+"
        "|cohort|customfield_data|event|competency_(course|module|template)\\w*"
        "|tool_(recyclebin|brickfield)_\\w+"
        f"|({ACTIVITIES})((access|allocation|eval|feedback|form|service|submission)?_\\w+)?",
        _(
            "%(name)s belongs to courses, whose ids are others elsewhere: restore"
            " a course instead"
        ),
    ),
    (
        "files|files_reference|infected_files|contentbank_content|h5p"
        "|h5p_contents_libraries",
        _(
            "%(name)s points to contents of one site: copy files by"
            " generic/CopyFileArea"
        ),
    ),
    (
        "modules|block|external_(functions|services|services_functions)|filter_\\w+"
        "|repository\\w*|events_handlers|messageinbound_\\w+|tool_customlang\\w*",
        _(
            "%(name)s lists what one site has installed: copy switches by the commands"
            " of plugins, language by generic/SyncLangCustomisation"
        ),
    ),
)


def never_set(name: str, plugin: str = "") -> str:
    """Return why nobody sets this setting from outside, "" when one may.

    >>> never_set("siteadmins")
    'siteadmins holds ids of this one site'
    >>> never_set("theme"), never_set("dbname", "auth_db")
    ('', '')
    """
    for names, reason in OF_PLUGINS if plugin else NEVER:
        if re.fullmatch(names, name, re.IGNORECASE):
            return reason % {"name": name}
    return ""


def places(tenant: "Tenant") -> list[str]:
    """Return the texts in a setting's value that mean this site and no other."""
    return [tenant.wwwroot, tenant.data_path, tenant.release.path]


def never_copied(name: str, value: str, plugin: str, places: list[str]) -> str:
    """Return why a plugin's setting is not copied to another site, "" when it is.

    `places`: those of the site it is from.

    >>> never_copied("defaultrole", "5", "enrol_database", [])
    'defaultrole holds ids of this one site'
    >>> never_copied("page", "http://a.org/x", "local_a", ["http://a.org"])
    'page names http://a.org'
    """
    if reason := never_set(name, plugin):
        return reason
    if plugin == "mnet":
        return _("%(name)s belongs to the site's MNet keys") % {"name": name}
    if re.fullmatch(IDS, name) and re.search(r"[1-9]", value):
        return _("%(name)s holds ids of this one site") % {"name": name}
    for place in places:
        if re.search(rf"{re.escape(place)}(?![\w.-])", value):
            return _("%(name)s names %(place)s") % {"name": name, "place": place}
    return ""


def never_copied_table(table: str) -> str:
    """Return why a table is not copied to another site, "" when it is.

    >>> never_copied_table("sessions")
    'sessions belongs to what runs on one site just now'
    >>> never_copied_table("hvp_libraries")
    ''
    """
    for names, reason in TABLES:
        if re.fullmatch(names, table):
            return reason % {"name": table}
    return KEYS % {"name": table} if table in confidential.TABLES else ""
