"""What the boot files hold, read back by PHP."""

import base64
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings

from tenants.serving import boot, publish
from tenants.serving.publish import PublishError
from tests.boot.fleet import make_tenant

URL = "https://a.example.org"


@pytest.fixture
def tenant(settings, tmp_path: Path) -> SimpleNamespace:
    settings.VMOODLE_BOOT_DIR = tmp_path / "boot"
    settings.VMOODLE_SITES_DIR = tmp_path / "sites"
    return make_tenant(URL, tmp_path)


def read_by_php(*texts: str) -> list[Any]:
    """Return what PHP makes of sources that return a value."""
    code = (
        "foreach (json_decode(stream_get_contents(STDIN)) as $text) {"
        " $file = tempnam(sys_get_temp_dir(), 'vm'); file_put_contents($file,"
        " base64_decode($text)); $all[] = serialize(include $file); unlink($file); }"
        "echo json_encode(array_map(fn($one) => json_encode(unserialize($one),"
        " JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR), $all));"
    )
    done = subprocess.run(
        ["php", "-n", "-d", "serialize_precision=-1", "-r", code],
        input=json.dumps([base64.b64encode(text.encode()).decode() for text in texts]),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(one) for one in json.loads(done.stdout)]


TEXTS = strategies.text(strategies.characters(exclude_categories=["Cs"]))
VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers(1 - 2**63, 2**63 - 1)
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | TEXTS.map(lambda text: f"{text}\\'?><?php exit; //\0${{x}}{text}"),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(
            strategies.from_regex(r"[a-z']\w*"), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@hypothesis_settings(
    deadline=None, max_examples=30, suppress_health_check=list(HealthCheck)
)
@given(strategies.lists(VALUES, min_size=20, max_size=40))
def test_php_reads_back_whatever_was_meant(values: list[Any]):
    texts = [boot.php_return({"value": value}) for value in values]

    found = [one["value"] for one in read_by_php(*texts)]

    assert json.dumps(found) == json.dumps(_as_php(values))


def _as_php(value: Any) -> Any:
    """Return the value with PHP's one empty array for both of JSON's."""
    if isinstance(value, dict):
        return {key: _as_php(inner) for key, inner in value.items()} or []
    return [_as_php(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "value", [2**63, -(2**63), float("inf"), float("nan"), "\ud800", {"\udfff": 1}]
)
def test_what_php_cannot_hold_is_refused(tenant, tmp_path: Path, value: object):
    tenant.forced_settings = {"x": value}

    with pytest.raises(PublishError, match=f"{URL} cannot be published: .* is not a"):
        publish.publish(tenant)

    assert not (tmp_path / "boot").exists()


@pytest.mark.parametrize("name", ["dbpass", "wwwroot", "dataroot", "sessioncookie"])
def test_no_forced_setting_replaces_the_registry(tenant, name: str):
    tenant.forced_settings = {name: "x"}

    with pytest.raises(PublishError, match=f"{URL} cannot force {name}"):
        publish.publish(tenant)


def test_caches_are_not_shared_by_a_release_or_the_fleet(tenant, settings):
    tenant.release.forced_settings = {"localcachedir": "/cache"}
    with pytest.raises(PublishError, match="cannot force localcachedir"):
        publish.publish(tenant)

    tenant.release.forced_settings = {}
    tenant.forced_settings = {"localcachedir": "/cache/one"}
    publish.publish(tenant)

    settings.VMOODLE_FORCED_SETTINGS = {"cachedir": "/cache"}
    with pytest.raises(PublishError, match="VMOODLE_FORCED_SETTINGS cannot force"):
        publish.publish(tenant)


def test_a_trusted_proxy_is_an_address(tenant, settings):
    settings.VMOODLE_TRUSTED_PROXIES = ["10.0.0.0/8"]

    with pytest.raises(PublishError, match="VMOODLE_TRUSTED_PROXIES: '10.0.0.0/8'"):
        publish.publish(tenant)


def test_cookies_of_similar_short_names_differ():
    names = ["ab", "a-b", "a_b", "aB"]

    cookies = {boot.cookie_name(name) for name in names}

    assert len(cookies) == 4
    assert all(cookie.isalnum() for cookie in cookies)


def test_what_is_forced_is_told_as_moodle_would_store_it(rows, settings):
    settings.VMOODLE_FORCED_SETTINGS = {"a": 1, "b": "fleet"}
    [tenant] = rows(1)
    tenant.release.forced_settings = {"b": True, "c": "release"}
    tenant.forced_settings = {
        "c": False,
        "forced_plugin_settings": {"quiz": {"x": 2.5, "y": None}},
    }

    assert boot.forced_settings(tenant) == {
        ("", "a"): "1",
        ("", "b"): "1",
        ("", "c"): "",
        ("quiz", "x"): "2.5",
        ("quiz", "y"): "",
    }
