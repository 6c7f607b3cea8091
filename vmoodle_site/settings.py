"""Every setting of VMoodle, read from the environment and from `.env`.

`.env.example` lists the variables an operator may set, with their defaults.
A wrong value stops the start with one sentence (ImproperlyConfigured).
"""

import logging
import socket
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent


class Env(environ.FileAwareEnv):
    """Also read `NAME_FILE`, without the newline that ends the file."""

    def get_value(self, var: str, *args: object, **kwargs: object) -> object:
        try:
            value = super().get_value(var, *args, **kwargs)
        except (ValueError, LookupError, OSError) as error:
            raise ImproperlyConfigured(
                f"{var}: {error}: correct it in .env or in the environment"
            ) from error
        return value.strip() if isinstance(value, str) else value

    def by_url(
        self, name: str, default: str, parse: Callable[[str], Any], like: str
    ) -> Any:
        """Return what a URL says. It may hold a password, so it is never shown."""
        try:
            return parse(self.str(name, default))
        except (ValueError, LookupError, ImproperlyConfigured):
            raise ImproperlyConfigured(
                f"{name} is no URL such as {like}: correct it in .env or in the "
                "environment"
            ) from None


def registry(url: str) -> dict[str, Any]:
    """Return Django's settings of a database, one of those that the engine knows."""
    if url.partition(":")[0] not in {"sqlite", "mysql", "mysql2"}:
        raise ValueError("another kind of database")
    return dict(env.db_url_config(url))


def one_of(*names: str) -> Callable[[str], str]:
    """Return what refuses other names; those of languages may have a country."""

    def known(value: str) -> str:
        if value.partition("-")[0] not in names:
            raise ValueError(f"{value!r} is none of {', '.join(names)}")
        return value

    return known


env = Env()
_file = Path(env.str("VMOODLE_ENV_FILE", str(BASE_DIR / ".env")))
try:
    if _file.exists():
        env.read_env(StringIO(_file.read_text(encoding="utf-8")))
except OSError as _error:
    raise ImproperlyConfigured(
        f"{_error.filename} cannot be read ({_error.strerror}): run this as "
        "VMoodle's own user, and let it read the file: chgrp it to that user's group, "
        "chmod 640"
    ) from _error

VAR_DIR = Path(env.str("VMOODLE_VAR_DIR", str(BASE_DIR / "var")))
try:
    VAR_DIR.mkdir(parents=True, exist_ok=True)
except OSError as _error:
    raise ImproperlyConfigured(
        f"VMOODLE_VAR_DIR: {VAR_DIR} cannot be made ({_error.strerror}): make it, and "
        "let it belong to VMoodle's own user"
    ) from _error

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
# Fernet keys for the secrets of the registry: the first encrypts, all decrypt.
VMOODLE_SECRET_KEYS = env.list("VMOODLE_SECRET_KEYS", default=[])
if not SECRET_KEY or not VMOODLE_SECRET_KEYS:
    raise ImproperlyConfigured(
        "SECRET_KEY or VMOODLE_SECRET_KEYS is not set: run bin/install, "
        "which writes both to .env, or set them in the environment"
    )
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Where the links in e-mails lead; also decides whether cookies are https-only.
VMOODLE_CONSOLE_URL = env.str("VMOODLE_CONSOLE_URL", "http://127.0.0.1:8000").rstrip(
    "/"
)
_https = VMOODLE_CONSOLE_URL.startswith("https:")

INSTALLED_APPS = [
    "django_q",  # first: commands takes its models out of the console
    "commands",
    "mnet",
    "tenants",
    "commands.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "vmoodle_site.urls"
WSGI_APPLICATION = "vmoodle_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Registry: SQLite on one host, MariaDB or MySQL (DATABASE_URL) for several.
DATABASES = {
    "default": env.by_url(
        "DATABASE_URL",
        f"sqlite:///{VAR_DIR / 'registry.sqlite3'}",
        registry,
        "mysql://user:password@host:3306/name",
    )
}
DATABASES["default"]["CONN_MAX_AGE"] = None
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Django's defaults lose jobs under several workers ("database is locked"):
    # a transaction that reads first cannot upgrade to writing after another
    # wrote. IMMEDIATE takes the write lock at once; WAL lets readers go on.
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"

LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LANGUAGE_CODE = str(env.get_value("LANGUAGE_CODE", one_of("en", "fr"), "en"))
LOCALE_PATHS = [BASE_DIR / "vmoodle_site" / "locale"]
FORMAT_MODULE_PATH = "vmoodle_site.formats"
TIME_ZONE = env.get_value("TIME_ZONE", lambda name: str(ZoneInfo(name)), "UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if not DEBUG
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
    }
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "vmoodle_session", "vmoodle_csrf"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", False)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 0)
if env.bool("VMOODLE_BEHIND_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# E-mail: the reports of runs go to ADMINS and to VMOODLE_TECHOPERATOR.
EMAIL_CONFIG = env.by_url(
    "EMAIL_URL",
    f"filemail:///{VAR_DIR / 'mail'}",
    env.email_url_config,
    "smtp+tls://user:password@host:587",
)
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str(
    "DEFAULT_FROM_EMAIL", f"vmoodle@{socket.getfqdn()}"
)
EMAIL_SUBJECT_PREFIX = env.str("EMAIL_SUBJECT_PREFIX", "[VMoodle] ")
ADMINS = [(address, address) for address in env.list("ADMINS", default=[])]
VMOODLE_TECHOPERATOR = env.list("VMOODLE_TECHOPERATOR", default=[])

# Where tenants are published, and how their PHP runs.
VMOODLE_BOOT_DIR = Path(env.str("VMOODLE_BOOT_DIR", str(VAR_DIR / "boot")))
VMOODLE_SITES_DIR = Path(env.str("VMOODLE_SITES_DIR", str(VAR_DIR / "sites")))
VMOODLE_WEB_GROUP = env.str("VMOODLE_WEB_GROUP", "")
VMOODLE_WEB_USER = env.str("VMOODLE_WEB_USER", "")
# Tenants below one host, https://host/moodle1; with links in the code trees as well.
VMOODLE_USE_SUBPATH = env.bool("VMOODLE_USE_SUBPATH", False)
VMOODLE_SUBPATH_LINKS = env.bool("VMOODLE_SUBPATH_LINKS", False)
VMOODLE_SUDO_USER = env.str("VMOODLE_SUDO_USER", "")
# Where this machine asks the sites' pages; empty: where their host names lead.
VMOODLE_WEB_ADDRESS = env.str("VMOODLE_WEB_ADDRESS", "").rstrip("/")
VMOODLE_TRUSTED_PROXIES = env.list("VMOODLE_TRUSTED_PROXIES", default=[])
VMOODLE_FORCED_SETTINGS = env.json("VMOODLE_FORCED_SETTINGS", default={})
VMOODLE_UPGRADE_KEY = env.str("VMOODLE_UPGRADE_KEY", "")
VMOODLE_PHP_CACHE_DIR = Path(env.str("VMOODLE_PHP_CACHE_DIR", str(VAR_DIR / "opcache")))

# The life of tenants. Only below the data root a data directory is ever removed.
VMOODLE_DATA_ROOT = Path(env.str("VMOODLE_DATA_ROOT", str(VAR_DIR / "moodledata")))
VMOODLE_SNAPSHOT_DIR = Path(env.str("VMOODLE_SNAPSHOT_DIR", str(VAR_DIR / "snapshots")))
# A snapshot goes when a tenant has so many newer ones, or at such an age in days.
VMOODLE_SNAPSHOT_KEEP = env.int("VMOODLE_SNAPSHOT_KEEP", 7)
VMOODLE_SNAPSHOT_DAYS = env.int("VMOODLE_SNAPSHOT_DAYS", 30)
# Days after which a deleted tenant is removed for good; 0: never.
VMOODLE_PURGE_DAYS = env.int("VMOODLE_PURGE_DAYS", 30)
# Days that a tenant's last snapshot is kept after its end.
VMOODLE_FINAL_DAYS = env.int("VMOODLE_FINAL_DAYS", 90)
# Days after which a finished run is deleted, with its jobs and their output; 0: never.
VMOODLE_RUN_DAYS = env.int("VMOODLE_RUN_DAYS", 0)

# Jobs.
VMOODLE_WORKERS = env.int("VMOODLE_WORKERS", 4)
VMOODLE_JOB_MAX_SECONDS = env.int("VMOODLE_JOB_MAX_SECONDS", 3600)
VMOODLE_LANE_SECONDS = env.int("VMOODLE_LANE_SECONDS", 60)
VMOODLE_OUTPUT_CAP = env.int("VMOODLE_OUTPUT_CAP", 1024 * 1024)
# Seconds without a heartbeat after which a job on another host counts as lost.
VMOODLE_HEARTBEAT_TIMEOUT = env.int("VMOODLE_HEARTBEAT_TIMEOUT", 90)
# Seconds a job waits for its database server to answer before it fails.
VMOODLE_DATABASE_WAIT = env.int("VMOODLE_DATABASE_WAIT", 30)
# Seconds between two looks at the sites' versions and crons.
VMOODLE_WATCH_SECONDS = env.int("VMOODLE_WATCH_SECONDS", 300)
# MNet keys are renewed so many hours before they expire; 0: never by itself.
VMOODLE_MNET_RENEW_HOURS = env.int("VMOODLE_MNET_RENEW_HOURS", 72)
# Django-q2's own time-out must never fire before ours: it cannot stop a child.
_task_timeout = VMOODLE_JOB_MAX_SECONDS + VMOODLE_LANE_SECONDS + 120
Q_CLUSTER = {
    "name": "vmoodle",  # the signing salt, and the queue of the control tasks
    "orm": "default",
    "workers": 1,
    # No prefetch: a task's retry clock starts when it is dequeued, so a task
    # that waits in memory is delivered twice.
    "queue_limit": 1,
    "bulk": 1,
    "timeout": 600,  # a look at a fleet with many servers out of reach
    "retry": 1900,  # above three times the time-out: a task may wait for two others
    "max_attempts": 1,  # never run again by itself: that is an operator's choice
    "ack_failures": True,
    "save_limit": -1,  # our own rows are the truth
    "poll": 0.2,
    "guard_cycle": 0.5,  # only 0.25, 0.5 and 1 reach zero exactly
    "scheduler": False,  # nothing is scheduled there
    "recycle": 200,
    "max_rss": 400_000,  # kB
    "log_level": "WARNING",
    "ALT_CLUSTERS": {
        "jobs": {
            "workers": VMOODLE_WORKERS,
            "timeout": _task_timeout,
            "retry": 2 * _task_timeout + 60,
            "recycle": 50,
        }
    },
}

_log_level = env.get_value(
    "LOG_LEVEL", one_of(*logging.getLevelNamesMapping()), "WARNING"
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": _log_level},
    # What `manage.py dev` and the demo print is not to be lost among requests.
    "loggers": {"django.server": {"level": _log_level, "propagate": True}},
}
