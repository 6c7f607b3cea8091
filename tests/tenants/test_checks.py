import pytest

from tenants import checks, files, web
from tenants.models import Tenant
from tenants.web import Page

SITE = Tenant(wwwroot="https://one.example.org", enabled=True, data_path="/nowhere")
MOODLE = 'M.cfg = {"wwwroot":"https:\\/\\/%s.example.org","sesskey":"x"};'


@pytest.mark.parametrize(
    ("page", "state", "sentence"),
    [
        (Page(200, "", MOODLE % "one"), "ok", "answers 200"),
        (Page(200, "", MOODLE % "two"), "failed", "another site answers (https://two."),
        (Page(200, "", "It works!"), "failed", "another site answers (no Moodle)"),
        (Page(500, "", ""), "failed", "it answers 500 and not 200"),
        (Page(503, "", ""), "failed", "it answers 503 and not 200"),
        (Page(303, SITE.wwwroot, ""), "warning", "VMOODLE_TRUSTED_PROXIES"),
        (Page(303, f"{SITE.wwwroot}/sso", ""), "warning", "look whether that is meant"),
        (Page(302, "https://x.org/", ""), "warning", "which is not https://one."),
    ],
)
def test_a_login_page_is_judged(
    settings, monkeypatch, page: Page, state: str, sentence: str
):
    settings.VMOODLE_WEB_ADDRESS = "http://127.0.0.1"
    monkeypatch.setattr(web, "get", lambda *_args, **_kwargs: page)
    monkeypatch.setattr(files, "in_maintenance", lambda tenant: False)

    found = checks.login_page(SITE)

    assert (found.state, sentence in found.sentence) == (state, True), found


def test_a_site_in_maintenance_is_a_warning(monkeypatch):
    monkeypatch.setattr(web, "get", lambda *_args, **_kwargs: Page(503, "", ""))
    monkeypatch.setattr(files, "in_maintenance", lambda tenant: True)

    found = checks.login_page(SITE)

    assert (found.state, "maintenance --host=" in found.sentence) == ("warning", True)
