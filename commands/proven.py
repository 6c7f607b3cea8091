"""The base of scripts whose exit code is not the truth.

Their output tells how it went, or the database does.
"""

import re
import time
from contextlib import closing

from commands.base import Json, PhpScript, Steps
from tenants import php
from tenants.models import Tenant


class ProvenScript(PhpScript):
    """A script that is believed only if `prove` finds what it says it has done."""

    heeds = ""  # a regular expression: the lines that tell how it went

    def run(self, tenant: Tenant) -> Steps:
        self.since = int(time.time())
        self.heard: list[str] = []
        steps = self.call(tenant, self.script, self.options())
        code = yield from self.listen(steps)
        return self.prove(tenant, code)

    def listen(self, steps: php.Lines) -> php.Lines:
        """Hand the lines on, and keep in `heard` those that tell how it went."""
        heeded = re.compile(self.heeds) if self.heeds else None
        with closing(steps):
            while True:
                try:
                    line = next(steps)
                except StopIteration as end:
                    code: int = end.value
                    return code
                if line and heeded and heeded.search(line):
                    self.heard.append(line.strip())
                yield line

    def prove(self, tenant: Tenant, code: int) -> Json:
        """Return the result, or raise CommandFailed: the script ended with this code.

        `since` is when it was started, in seconds as Moodle counts them.
        """
        raise NotImplementedError
