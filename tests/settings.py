"""The project's settings with fixed secrets and nothing of the machine's `.env`."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def temporary() -> str:
    """Make a directory that goes with this process: a run leaves up to 1 GB in it."""
    made, maker = tempfile.mkdtemp(prefix="vmoodle-tests-"), os.getpid()

    def remove() -> None:
        if os.getpid() == maker:  # and not one of its forks
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(remove)
    return made


var = os.environ.get("VMOODLE_VAR_DIR") or temporary()
# Of its own for each process of pytest: jobs are told apart by its name as well.
if (process := os.environ.get("PYTEST_XDIST_WORKER")) and Path(var).name != process:
    var = f"{var}/{process}"
os.environ.update(
    VMOODLE_ENV_FILE=os.devnull,
    VMOODLE_VAR_DIR=var,
    SECRET_KEY="only-for-the-tests",
    VMOODLE_SECRET_KEYS="c2VjcmV0LW9ubHktZm9yLXRoZS10ZXN0cy0wMDAwMDA=",
    VMOODLE_DATABASE_WAIT="0",
)

from vmoodle_site.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file, since workers that tests start must see it too.
    DATABASES["default"]["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405 - whitenoise warns without it
