"""boot.php behind php-fpm, with an OPcache that never looks at a file again."""

import os
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tenants.serving.publish import boot_file, publish, rebuild, unpublish
from tests.boot.fleet import make_tree, published
from tests.boot.fpm import Fpm, refused, served
from tests.moodle.fleet import answers
from tests.patience import PATIENCE, eventually


def test_a_request_gets_its_tenant(fpm: Fpm, tree: Path):
    published("https://a.example.org", tree, db_name="a")
    published("https://b.example.org", tree, db_name="b", shortname="b")

    assert fpm.get(tree, "a.example.org").page["cfg"]["dbname"] == "a"
    assert fpm.get(tree, "b.example.org").page["cfg"]["dbname"] == "b"


def test_nothing_is_left_in_the_global_scope(fpm: Fpm, tree: Path):
    published("https://a.example.org", tree)

    page = fpm.get(tree, "a.example.org").page

    assert page["globals"] == ["CFG"]
    assert page["error"] is None


def test_children_of_a_page_inherit_the_tenant(fpm: Fpm, tree: Path):
    published("https://a.example.org", tree)

    page = fpm.get(tree, "a.example.org").page

    assert page["inherited"] == "https://a.example.org"
    assert "localrequestdir" not in page["cfg"]  # Moodle's own is the web server's


@pytest.mark.parametrize(
    "host",
    ["A.Example.ORG", "a.example.org.", "a.example.org:443", "a.example.org:80"],
)
def test_a_host_has_many_spellings(fpm: Fpm, tree: Path, host: str):
    published("https://a.example.org", tree)

    assert fpm.get(tree, host).page["cfg"]["wwwroot"] == "https://a.example.org"


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "other.example.org",
        "../boot/a.example.org",
        "..",
        "a.example.org/../a.example.org",
        "a.example.org/",
        "b.example.org\0.a.example.org",
        "\0a.example.org",
        "a.example.org\n",
        " a.example.org",
        "a example org",
        "user@a.example.org",
        "user:password@a.example.org",
        "https://a.example.org",
        "a.example.org:443:443",
        "a.example.org:",
        "a.example.org:x",
        "a.example.org:999999",
        "a..example.org",
        "a.example.org..",
        ".",
        "[::1]",
        "a.example.org~sub",
        "a.example.org+8443",
        "b.example.org%2f",
        "\xe9cole.example.org",
        "a" * 64 + ".org",
        "a." * 200 + "org",
        "a" * 50_000,
        "boot",
        "_fleet",
        "boot:443",
        "@",
        "-a.example.org",
        "'; DROP TABLE x; --",
    ],
    ids=lambda host: repr(host[:32]),
)
def test_any_other_host_is_404(fpm: Fpm, tree: Path, host: str):
    published("https://a.example.org", tree)

    refused(fpm.get(tree, host), 404)


def test_a_request_without_host_is_404(fpm: Fpm, tree: Path):
    published("https://a.example.org", tree)

    refused(fpm.get(tree, None, SERVER_NAME="a.example.org"), 404)


def test_names_of_our_own_files_are_404_in_sub_paths_too(fpm: Fpm, tree: Path):
    published("https://a.example.org", tree)

    refused(fpm.get(tree, "boot", SCRIPT_NAME="/_fleet/index.php"), 404)


def test_a_disabled_tenant_is_503(fpm: Fpm, tree: Path):
    published("https://a.example.org", tree, enabled=False)

    refused(fpm.get(tree, "a.example.org"), 503)


def test_a_tenant_of_another_release_is_503(fpm: Fpm, tree: Path, tmp_path: Path):
    published("https://a.example.org", make_tree(tmp_path / "4.2"))

    refused(fpm.get(tree, "a.example.org"), 503)


def test_a_release_path_may_be_a_link(fpm: Fpm, tree: Path, tmp_path: Path):
    (tmp_path / "current").symlink_to(tree)
    published("https://a.example.org", tmp_path / "current")

    assert fpm.get(tree, "a.example.org").status == 200
    assert fpm.get(tmp_path / "current", "a.example.org").status == 200


def test_a_damaged_boot_directory_is_503_and_mended(fpm: Fpm, tree: Path):
    tenant = published("https://a.example.org", tree)
    boot_file(tenant.key).resolve().unlink()
    refused(fpm.get(tree, "a.example.org"), 503)

    rebuild([tenant])

    assert fpm.get(tree, "a.example.org").status == 200


def test_a_file_of_another_version_is_503_and_mended(fpm: Fpm, tree: Path):
    tenant = published("https://a.example.org", tree)
    text = boot_file(tenant.key).read_text().replace("'cfg'=>", "'settings'=>")
    version = boot_file(tenant.key).with_name("@former.php")
    version.write_text(text)
    boot_file(tenant.key).unlink()
    boot_file(tenant.key).symlink_to(version.name)
    refused(fpm.get(tree, "a.example.org"), 503)

    rebuild([tenant])

    assert fpm.get(tree, "a.example.org").status == 200


def test_changes_show_at_once_whatever_opcache_remembers(
    fpm: Fpm, tree: Path, tmp_path: Path
):
    tenant = published("https://a.example.org", tree)
    other = make_tree(tmp_path / "4.4")
    for _ in range(4):
        assert fpm.get(tree, "a.example.org").status == 200
        assert fpm.get(other, "a.example.org").status == 503

    tenant.release.path = str(other)
    publish(tenant)
    for _ in range(4):
        assert fpm.get(tree, "a.example.org").status == 503
        assert fpm.get(other, "a.example.org").status == 200

    unpublish(tenant.key)
    for _ in range(4):
        assert fpm.get(other, "a.example.org").status == 404


PORTS = "https://a.example.org", "https://a.example.org:8443", "http://b.example.org:81"


@pytest.mark.parametrize(
    ("host", "port", "wwwroot"),
    [
        ("a.example.org", "443", PORTS[0]),
        ("a.example.org", "80", PORTS[0]),
        ("a.example.org:8443", "8443", PORTS[1]),
        ("a.example.org:8443", "80", PORTS[1]),
        ("a.example.org", "8443", PORTS[1]),  # as Debian's nginx passes it
        ("a.example.org:443", "8443", PORTS[0]),
        ("a.example.org:9000", "9000", PORTS[0]),  # Moodle redirects
        ("b.example.org:81", "81", PORTS[2]),
        ("b.example.org", "81", PORTS[2]),
        ("b.example.org", "80", None),
    ],
)
def test_ports(fpm: Fpm, tree: Path, host: str, port: str, wwwroot: str | None):
    for number, root in enumerate(PORTS):
        published(root, tree, shortname=f"t{number}")

    answer = fpm.get(tree, host, SERVER_PORT=port)

    served(answer, wwwroot)


@pytest.mark.parametrize(
    ("wwwroot", "address", "proto", "trusted"),
    [
        ("https://a.example.org", "192.0.2.1", "https", True),
        ("https://a.example.org", "2001:db8::1", "HTTPS", True),
        ("https://a.example.org", "192.0.2.1", "http", False),
        ("https://a.example.org", "192.0.2.7", "https", False),
        ("http://a.example.org", "192.0.2.1", "https", False),
    ],
)
def test_only_a_trusted_proxy_says_https(
    fpm: Fpm, tree: Path, settings, wwwroot, address, proto, trusted
):
    settings.VMOODLE_TRUSTED_PROXIES = ["192.0.2.1", "2001:0db8:0::1"]
    published(wwwroot, tree)

    cfg = fpm.get(
        tree, "a.example.org", REMOTE_ADDR=address, HTTP_X_FORWARDED_PROTO=proto
    ).page["cfg"]

    assert cfg.get("sslproxy", False) is trusted


def test_moodle_5_1_keeps_its_config_above_public(fpm: Fpm, tmp_path: Path):
    tree = make_tree(tmp_path / "5.1", public=True)
    published("https://a.example.org", tree)

    answer = fpm.get(tree / "public", "a.example.org", "/login/index.php")

    assert answer.page["cfg"]["wwwroot"] == "https://a.example.org"


def test_a_web_page_that_calls_itself_a_script_is_a_web_page(fpm: Fpm, tree: Path):
    published("https://a.example.org", tree)
    (tree / "cron.php").write_text(
        "<?php define('CLI_SCRIPT', true); require __DIR__ . '/config.php';"
    )

    assert fpm.get(tree, "a.example.org", "/cron.php").status == 200
    refused(fpm.get(tree, "b.example.org", "/cron.php"), 404)


def test_the_query_cannot_choose_a_tenant(fpm: Fpm, tree: Path):
    """PHP fills $_SERVER['argv'] from the query when register_argc_argv is on."""
    published("https://a.example.org", tree)
    published("https://b.example.org", tree, shortname="b")

    page = fpm.get(
        tree,
        "a.example.org",
        QUERY_STRING="--host=https://b.example.org",
        HTTP_VMOODLE_HOST="https://b.example.org",
    ).page

    assert page["cfg"]["wwwroot"] == page["inherited"] == "https://a.example.org"


def test_phps_built_in_server_is_the_web_too(tree: Path):
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    published(f"http://localhost:{port}", tree)
    server = subprocess.Popen(
        ["php", "-S", f"127.0.0.1:{port}", "-t", str(tree)],
        env={"PATH": os.environ["PATH"], "VMOODLE_HOST": "https://other.example.org"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        found = _raw(port, f"GET / HTTP/1.1\r\nHost: LOCALHOST:{port}\r\n")
        unknown = _raw(port, "GET / HTTP/1.1\r\nHost: ../boot\r\n")
        hostless = _raw(port, "GET / HTTP/1.0\r\n")
    finally:
        server.terminate()
        server.wait(PATIENCE)

    assert b"200 OK" in found and b"moodle_one" in found
    assert b" 404 " in unknown and b" 404 " in hostless


def _raw(port: int, head: str) -> bytes:
    eventually(lambda: answers(port), "PHP's web server does not start")
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(f"{head}Connection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: client.recv(65536), b""))
