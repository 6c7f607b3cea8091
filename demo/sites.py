"""The tenants' own web server: PHP's, on one port."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROUTER = Path(__file__).with_name("router.php")
# PHP's workers outlive it: their group ends with what we hold of its standard input.
WHILE_WE_LIVE = ["sh", "-c", '"$@" & cat; kill 0', "sh"]
OPENSSL = ROUTER.parent.parent / "tenants/moodle/openssl.cnf"  # MNet needs RC4


@contextmanager
def serve(sites: Path, port: int, log: Path) -> Iterator[None]:
    """Serve the sites whose links lie in a directory; what PHP says goes to a log."""
    argv = ["php", "-d", "max_input_vars=6000", "-d", "display_errors=0"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*WHILE_WE_LIVE, *argv, "-S", f"127.0.0.1:{port}", str(ROUTER)],
            env={
                "PATH": os.environ["PATH"],
                "OPENSSL_CONF": str(OPENSSL),
                "PHP_CLI_SERVER_WORKERS": "4",  # a page asks for a dozen files at once
                "VMOODLE_SITES_DIR": str(sites),
            },
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.communicate()
