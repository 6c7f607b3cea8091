"""Real nginx and Apache with the configuration that `webconfig` prints."""

import json
from pathlib import Path

import pytest

from tenants.serving import webconfig
from tenants.serving.publish import publish
from tests.boot.fleet import make_tree, published
from tests.boot.fpm import Fpm
from tests.webserver import Server, free_port, running


@pytest.mark.parametrize("name", ["nginx", "apache"])
def test_two_releases_on_one_server(name: str, fpm: Fpm, tmp_path: Path, settings):
    settings.VMOODLE_USE_SUBPATH = True
    port = free_port()
    old, new = make_tree(tmp_path / "4.2"), make_tree(tmp_path / "5.1", public=True)
    (old / "pix").mkdir()
    (old / "pix/a.txt").write_text("old's")
    (new / "public/readme.txt").touch()
    (new / "public/vendor").mkdir()
    (new / "public/vendor/x.php").touch()
    roots = [f"http://{host}:{port}" for host in ("a.example.org", "b.example.org")]
    a, b, one, two = (
        published(root, tree, shortname=f"t{number}")
        for number, (root, tree) in enumerate(
            [
                (roots[0], old),
                (roots[1], new),
                (f"{roots[0]}/one", new),
                (f"{roots[1]}/two", old),
            ]
        )
    )
    text = webconfig.text(name, [a, b, one, two], php_socket=fpm.path)

    with running(name, tmp_path, text, port) as server:
        assert site(server, "a.example.org", "/") == a.wwwroot
        assert site(server, "B.example.org", "/login/") == b.wwwroot
        assert site(server, "a.example.org", "/one/") == one.wwwroot
        assert site(server, "a.example.org", "/one/login/index.php/x.y") == one.wwwroot
        assert site(server, "b.example.org", "/two/index.php?a=1") == two.wwwroot
        assert place(server, "a.example.org", "/one") == f"{one.wwwroot}/"
        assert place(server, "a.example.org", "/one/login") == f"{one.wwwroot}/login/"
        assert place(server, "a.example.org", "/login") == f"{a.wwwroot}/login/"
        for path in ("/two/pix/a.txt", "/pix/a.txt"):
            host = "b.example.org" if "two" in path else "a.example.org"
            assert server.get(host, path)[1] == b"old's"
        for host, path in UNSEEN:
            assert server.get(host, path)[0].status in {400, 403, 404}, path

        if name == "apache":  # it passes the link: PHP remembers where it led
            return
        two.release.path = str(new)  # moved: no reload
        publish(two)
        assert site(server, "b.example.org", "/two/index.php") == two.wwwroot


UNSEEN = [
    ("c.example.org", "/"),
    ("c.example.org", "/one/index.php"),
    ("..", "/boot/boot.php"),
    ("a.example.org", "/two/index.php"),
    ("a.example.org", "/one/one/index.php"),
    ("a.example.org", "/one/readme.txt"),
    ("b.example.org", "/readme.txt"),
    ("b.example.org", "/vendor/x.php"),
    ("a.example.org", "/one/vendor/x.php"),
    ("a.example.org", "/one/.git/config"),
    ("a.example.org", "/one/none.php"),
]


def site(server: Server, host: str, path: str) -> str:
    """Return the tenant that answers, having seen its code tree."""
    answer, body = server.get(host, path)
    assert answer.status == 200, (path, body)
    return json.loads(body)["cfg"]["wwwroot"]


def place(server: Server, host: str, path: str) -> str:
    answer, _body = server.get(host, path)
    assert answer.status == 301
    found = answer.headers["location"]
    return found if "//" in found else f"http://{host}:{server.port}{found}"
