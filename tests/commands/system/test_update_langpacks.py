import pytest

from commands.models import Job
from tenants import agent
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import job_of
from tests.conftest import RunOf

LANGPACKS = "system/UpdateLangpacks"


@pytest.fixture
def site(monkeypatch, tenant: Tenant) -> list[Exception | None]:
    """Return what the site's operation ends with: an error, or none."""
    endings: list[Exception | None] = [None]

    def ask(tenant, operation, given, *, job=None):
        yield f"{operation} {given}"
        if endings[0]:
            raise endings[0]
        return {"said": ["Language pack 'fr' was updated."]}

    monkeypatch.setattr(agent, "ask", ask)
    return endings


def test_the_site_updates_them(finished: RunOf, tenant: Tenant, site):
    job = job_of(finished(LANGPACKS, [tenant]))

    assert job.result == {"said": ["Language pack 'fr' was updated."]}
    assert job.text()[0] == "update_langpacks {}\n"


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (agent.AgentRefusal("cannot download"), Job.State.FAILED),
        (agent.AgentNothingToDo("skiplangupgrade"), Job.State.SKIPPED),
    ],
    ids=["a failure", "none wanted"],
)
def test_what_the_site_says_is_told(finished, tenant: Tenant, site, ending, state):
    site[0] = ending

    job = job_of(finished(LANGPACKS, [tenant]))

    assert (job.state, job.error) == (state, str(ending))


def test_the_shell_has_both_forms(manage: Manage, tenant: Tenant, site, workers):
    assert manage("update_langpacks", f"--host={tenant.wwwroot}").code == 0
    assert manage("bulkupdatelangpacks").code == 0
