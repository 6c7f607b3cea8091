import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tenants import files


@pytest.fixture
def site(tmp_path: Path) -> SimpleNamespace:
    """Return what files needs of a tenant."""
    return SimpleNamespace(data_path=str(tmp_path))


def test_a_site_enters_and_leaves_maintenance(site, tmp_path):
    files.enter_maintenance(site, "<p>Back soon, é</p>")

    assert files.in_maintenance(site)
    assert files.maintenance_page(site) == "<p>Back soon, é</p>"
    assert [path.name for path in tmp_path.iterdir()] == ["climaintenance.html"]

    files.leave_maintenance(site)
    assert not files.in_maintenance(site)


def test_leaving_twice_is_no_error(site):
    files.leave_maintenance(site)

    assert files.maintenance_page(site) == ""


def test_a_missing_data_path_is_told(site):
    site.data_path += "/missing"

    with pytest.raises(files.FilesError, match="missing is not there"):
        files.enter_maintenance(site, "x")


def test_a_page_that_cannot_be_written_is_told(site, tmp_path):
    (tmp_path / "climaintenance.new").mkdir()

    with pytest.raises(files.FilesError, match="climaintenance.new"):
        files.enter_maintenance(site, "x")


def test_a_page_that_cannot_be_replaced_stays(site, tmp_path):
    files.enter_maintenance(site, "first")
    (tmp_path / "climaintenance.new").mkdir()

    with pytest.raises(files.FilesError):
        files.enter_maintenance(site, "second")

    assert files.maintenance_page(site) == "first"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize(
    "look",
    [
        files.in_maintenance,
        files.maintenance_page,
        lambda site: files.enter_maintenance(site, "x"),
    ],
    ids=["state", "page", "enter"],
)
def test_a_data_path_that_may_not_be_entered_is_told(site, look):
    closed = Path(site.data_path, "closed")
    closed.mkdir(mode=0o700)
    site.data_path = str(closed / "data")
    os.seteuid(65534)
    try:
        with pytest.raises(files.FilesError, match="data path .* may not be read"):
            look(site)
    finally:
        os.seteuid(0)


def test_caches_go_and_nothing_else(site, tmp_path):
    for name in ("cache", "localcache", "filedir", "lang"):
        (tmp_path / name / "inner").mkdir(parents=True)

    files.clear_caches(site)

    assert {path.name for path in tmp_path.iterdir()} == {"filedir", "lang"}
