"""Operations inside Moodle, by our own PHP: `moodle/agent.php` and `moodle/ops/`.

For what needs Moodle's own functions, such as its caches and its events. JSON goes
in on standard input, where no process list shows it, and one JSON document comes out.
"""

import json
from collections.abc import Generator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenants import php
from tenants.errors import VMoodleError

if TYPE_CHECKING:
    from tenants.models import Tenant

AGENT = Path(__file__).parent / "moodle" / "agent.php"
ANSWER = "\x1e"  # begins each line of the answer

Answer = Generator[str | None, None, Any]


class AgentRefusal(VMoodleError):
    """The operation refused or failed: one sentence says why."""


class AgentNothingToDo(Exception):
    """The site is already as the operation would leave it."""


def ask(
    tenant: "Tenant",
    operation: str,
    given: Mapping[str, Any],
    *,
    job: int | None = None,
    timeout: float | None = None,
) -> Answer:
    """Do `moodle/ops/<operation>.php` on a site: yield its log, return its result.

    Raises AgentRefusal with the operation's own sentence, AgentNothingToDo when
    nothing had to be changed, PhpError when it gave no answer.
    """
    lines = php.run(
        tenant,
        AGENT,
        [tenant.release.path, operation],
        job=job,
        timeout=timeout,
        stdin=json.dumps(given),
    )
    answer = ""
    with closing(lines):  # whoever cleans up after it must find PHP dead
        for line in lines:
            if line and line.startswith(ANSWER):
                answer += line.removeprefix(ANSWER)
            elif line != "":  # the agent begins its answer on a line of its own
                yield line
    if not answer:
        raise php.PhpError(f"{operation} ended without an answer")
    told = json.loads(answer)
    if "nothing" in told:
        raise AgentNothingToDo(told["nothing"])
    if "error" in told:
        raise AgentRefusal(" ".join(told["error"].split()))
    return told["result"]


def read(tenant: "Tenant", operation: str, given: Mapping[str, Any]) -> Any:
    """Return the result of an operation that only reads, without its log."""
    steps = ask(tenant, operation, given)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
