"""Whether PHP has RC4, which MNet seals its messages with, and what mends it.

OpenSSL 3 has it in its provider `legacy`, which is loaded by a configuration only. PHP
reads that when it starts: a command-line script is ours to start, the PHP that serves
the sites is not.
"""

from functools import lru_cache
from pathlib import Path

from tenants import php, process

PROBE = Path(php.__file__).parent / "moodle" / "rc4.php"


@lru_cache(16)
def lacks_rc4(program: str) -> str:
    """Return why a PHP that we start could not seal a message, "" when it can.

    Raises PhpError.
    """
    found, library = php.feed(program, PROBE, [""])[:2]
    if found == "yes":
        return ""
    return (
        f"{program} has no RC4: its {library} has not the provider 'legacy' that "
        f"{process.OPENSSL} loads: install it (a package with openssl's legacy.so)"
    )


def mend(program: str = "php") -> list[str]:
    """Return, line by line, what the PHP that serves the sites has to be told.

    `program`: a PHP of the same version.
    """
    settings = process.OPENSSL.read_text("utf-8")
    begin, end = settings.index("openssl_conf"), settings.index("\n\n# What PHP")
    service = f"php{_version(program)}-fpm"
    return [
        f"systemctl edit {service}    (the service of the PHP that serves the sites)",
        "    [Service]",
        f"    Environment=OPENSSL_CONF={process.OPENSSL}",
        f"systemctl restart {service}",
        "or put into the file that this PHP reads now (openssl version -d):",
        *(f"    {line}" for line in settings[begin:end].splitlines()),
    ]


@lru_cache(16)
def _version(program: str) -> str:
    """Return a PHP's version as its packages are named, 8.2; "" if it does not run."""
    try:
        return php.feed(program, PROBE, [""])[2]
    except php.PhpError:
        return ""
