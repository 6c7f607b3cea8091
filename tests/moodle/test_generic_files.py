"""Files copied between two real Moodles."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.base import CommandFailed
from tenants import agent, moodledb
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.in_moodle import in_moodle
from tests.moodle.site import Campus

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
AREA = "core_h5p/vmtest/0"
COPY = "generic/CopyFileArea"
EMPTY = hashlib.sha1(b"").hexdigest()

MAKE = """
foreach ($in['files'] as $path => $content) {
    $directory = dirname("/$path");
    $place = ['contextid' => $system, 'component' => $in['component'],
        'filearea' => 'vmtest', 'itemid' => $in['item'],
        'filepath' => rtrim($directory, '/') . '/', 'filename' => basename($path)];
    $told = ['author' => 'Ann', 'license' => 'cc'];
    $fs->create_file_from_string($place + $told, $content);
}
"""
CLEAR = """
foreach ($DB->get_records('files', ['filearea' => 'vmtest']) as $file) {
    $stored = $fs->get_file_instance($file);
    $stored->delete();
}
"""
READ = """
$found = [];
foreach ($DB->get_records('files', ['filearea' => 'vmtest']) as $file) {
    $content = $fs->get_file_instance($file)->get_content();
    if ($file->filename !== '.') {
        $found["$file->itemid$file->filepath$file->filename"] = md5($content);
    }
}
return (object) $found;
"""


@pytest.fixture
def sites(campus: Campus) -> Iterator[Campus]:
    yield campus
    for tenant in campus:
        in_moodle(tenant, CLEAR)


def make(
    tenant: Tenant, files: dict[str, str], component: str = "core_h5p", item: int = 0
) -> None:
    in_moodle(tenant, MAKE, {"files": files, "component": component, "item": item})


def files_of(tenant: Tenant) -> dict[str, str]:
    """Return the md5 of what Moodle reads, by item, path and name."""
    return in_moodle(tenant, READ)


def md5(**contents: str) -> dict[str, str]:
    return {
        name.replace("__", "/"): hashlib.md5(text.encode()).hexdigest()
        for name, text in contents.items()
    }


def rows(tenant: Tenant) -> list[tuple]:
    """Return everything that the site knows of its files."""
    sql = f"SELECT * FROM {moodledb.table(tenant, 'files')} ORDER BY id"
    return moodledb.query(tenant.server, sql)


def pool(tenant: Tenant) -> set[str]:
    """Return the contents that the site keeps, its trash not included."""
    found = Path(tenant.data_path, "filedir").glob("??/??/*")
    return {path.name for path in found} - {EMPTY}


def content_of(tenant: Tenant, text: str) -> Path:
    name = hashlib.sha1(text.encode()).hexdigest()
    return Path(tenant.data_path, "filedir", name[:2], name[2:4], name)


def test_a_file_area_is_copied(sites: Campus, finished: RunOf):
    alpha, beta = sites
    make(alpha, {"one.txt": "one", "sub/two.txt": "two", "sub/a b/é'3.txt": "three"})
    make(beta, {"one.txt": "other", "sub/two.txt": "two", "own.txt": "own"})

    job = finished(COPY, [beta], "fileareaid=core_h5p%2Fvmtest%3A0").jobs.get()
    again = finished(COPY, [beta], "fileareaid=core_h5p/0/vmtest").jobs.get()

    counts = {"added": 1, "replaced": 1, "deleted": 0, "unchanged": 1}
    assert job.result == counts, job.error
    assert (again.state, again.error) == ("skipped", "it is so already")
    ours = files_of(beta)
    assert ours.pop("0/own.txt") == hashlib.md5(b"own").hexdigest()
    assert ours == files_of(alpha)
    assert content_of(beta, "three").read_text() == "three"
    assert not content_of(beta, "other").exists()


def test_files_that_the_source_does_not_have_can_be_deleted(
    sites: Campus, finished: RunOf
):
    alpha, beta = sites
    make(alpha, {"one.txt": "one"})
    make(beta, {"one.txt": "one", "own/deep/x.txt": "own"})
    make(beta, {"elsewhere.txt": "stays"}, item=7)

    job = finished(COPY, [beta], f"fileareaid={AREA}&prune=1").jobs.get()

    assert job.result["deleted"] == 1
    assert set(files_of(beta)) == {"0/one.txt", "7/elsewhere.txt"}
    assert not content_of(beta, "own").exists()
    left = in_moodle(
        beta,
        "return array_values($DB->get_fieldset_select('files', 'filepath',"
        " \"filearea = 'vmtest' AND itemid = 0 AND filename = '.'\"));",
    )
    assert left == ["/"]


def test_all_items_of_an_area_are_copied(sites: Campus, finished: RunOf):
    alpha, beta = sites
    make(alpha, {"a.txt": "a"}, item=1)
    make(alpha, {"a.txt": "b"}, item=20)

    job = finished(COPY, [beta], "fileareaid=core_h5p/vmtest/*").jobs.get()

    assert job.result["added"] == 2
    assert set(files_of(beta)) == {"1/a.txt", "20/a.txt"}


def test_a_copy_that_was_cut_off_goes_on(sites: Campus, finished: RunOf):
    alpha, beta = sites
    make(alpha, {f"{n}.txt": str(n) for n in range(5)})
    finished(COPY, [beta], f"fileareaid={AREA}&skipfiles=3")
    assert len(files_of(beta)) == 2

    job = finished(COPY, [beta], f"fileareaid={AREA}").jobs.get()

    counts = {"added": 3, "replaced": 0, "deleted": 0, "unchanged": 2}
    assert job.result == counts


def test_a_large_file_goes_from_disk_to_disk(sites: Campus, finished: RunOf):
    alpha, beta = sites
    code = "$fs->create_file_from_string(['contextid' => $system, 'component' =>"
    code += " 'core_h5p', 'filearea' => 'vmtest', 'itemid' => 0, 'filepath' => '/',"
    code += " 'filename' => 'large.bin'], random_bytes(40 * 1024 ** 2));"
    in_moodle(alpha, code)

    run = finished(COPY, [beta], f"fileareaid={AREA}")

    assert run.jobs.get().result["added"] == 1
    assert files_of(beta) == files_of(alpha)


def test_content_that_is_missing_at_the_target_is_put_back(
    sites: Campus, finished: RunOf
):
    alpha, beta = sites
    make(alpha, {"one.txt": "one"})
    finished(COPY, [beta], f"fileareaid={AREA}")
    content_of(beta, "one").unlink()
    # Where an earlier test may have left it, and Moodle would find it again.
    shutil.rmtree(Path(beta.data_path, "trashdir"), ignore_errors=True)

    job = finished(COPY, [beta], f"fileareaid={AREA}").jobs.get()

    assert job.result["replaced"] == 1
    assert content_of(beta, "one").read_text() == "one"


def test_one_file_is_copied_by_its_path_or_its_id(sites: Campus, finished: RunOf):
    alpha, beta = sites
    make(alpha, {"sub/one.txt": "one", "two.txt": "two"})
    number = in_moodle(
        alpha,
        "$named = ['filearea' => 'vmtest', 'filename' => 'two.txt'];"
        "return $DB->get_field('files', 'id', $named);",
    )

    finished("generic/CopyFile", [beta], f"fileid={AREA}/sub/one.txt")
    job = finished("generic/CopyFile", [beta], f"fileid={number}").jobs.get()

    assert job.result["added"] == 1, job.error
    assert files_of(beta) == files_of(alpha)


def test_a_logo_lets_the_theme_be_built_again(campus: Campus, finished: RunOf):
    alpha, beta = campus
    put = "$fs->create_file_from_string(['contextid' => $system, 'component' =>"
    put += " 'core_admin', 'filearea' => 'logo', 'itemid' => 0, 'filepath' => '/',"
    put += " 'filename' => 'vm.svg'], '<svg/>');"
    in_moodle(alpha, put)
    before = moodledb.config_of(beta, ["themerev"])

    run = finished("generic/CopyFile", [beta], "fileid=core_admin/logo/0/vm.svg")

    assert run.jobs.get().result["added"] == 1
    assert moodledb.config_of(beta, ["themerev"]) != before
    for tenant in campus:
        in_moodle(tenant, "$fs->delete_area_files($system, 'core_admin', 'logo');")


def test_a_failure_leaves_the_target_as_it_was(sites: Campus):
    alpha, beta = sites
    make(alpha, {"a.txt": "new a", "b.txt": "new b", "c.txt": "new c"})
    make(beta, {"a.txt": "old a", "extra.txt": "extra"})
    area = {"component": "core_h5p", "filearea": "vmtest", "itemid": "0"}
    listed = agent.read(alpha, "list_files", area)
    listed["files"][2]["filepath"] = "no path"  # Moodle refuses it, after the others
    before, contents = rows(beta), pool(beta)

    with pytest.raises(agent.AgentRefusal, match="Invalid file path"):
        agent.read(beta, "put_files", listed | {"prune": area})

    assert rows(beta) == before
    assert pool(beta) == contents


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda path: path.write_text("two"), "the content of /one.txt is damaged"),
        (lambda path: path.unlink(), "the content of /one.txt is missing"),
    ],
    ids=["damaged", "missing"],
)
def test_a_source_whose_content_is_bad_fails_the_run(
    sites: Campus, finished: RunOf, harm, sentence: str
):
    alpha, beta = sites
    make(alpha, {"one.txt": "to be harmed"})
    path = content_of(alpha, "to be harmed")
    path.chmod(0o600)
    harm(path)

    with pytest.raises(CommandFailed, match=f"{alpha.wwwroot}: {sentence}"):
        finished(COPY, [beta], f"fileareaid={AREA}")

    assert files_of(beta) == {}
    path.write_text("to be harmed")  # what is cleared afterwards shall be there


def test_content_that_changes_after_the_source_was_read_is_not_taken(sites: Campus):
    alpha, beta = sites
    make(alpha, {"one.txt": "to be harmed"})
    listed = agent.read(alpha, "list_files", {"component": "core_h5p", "itemid": "0"})
    content_of(alpha, "to be harmed").chmod(0o600)
    content_of(alpha, "to be harmed").write_text("two")
    before, contents = rows(beta), pool(beta)

    with pytest.raises(agent.AgentRefusal, match="of /one.txt has been damaged"):
        agent.read(beta, "put_files", listed | {"prune": None})

    assert rows(beta) == before
    assert pool(beta) == contents
    content_of(alpha, "to be harmed").write_text("to be harmed")


def test_a_link_into_a_repository_is_not_copied(sites: Campus, finished: RunOf):
    alpha, beta = sites
    make(alpha, {"one.txt": "one"})
    table = moodledb.table(alpha, "files")
    where = "filearea = 'vmtest' AND filename = 'one.txt'"
    link = f"UPDATE {table} SET referencefileid = %s WHERE {where}"
    moodledb.execute(alpha.server, link, [99])

    with pytest.raises(CommandFailed, match="/one.txt of the source is a link into a"):
        finished(COPY, [beta], f"fileareaid={AREA}")

    moodledb.execute(alpha.server, link, [None])


def test_a_component_that_the_target_does_not_have_fails(
    sites: Campus, finished: RunOf
):
    alpha, beta = sites
    make(alpha, {"one.txt": "one"}, component="mod_nothing")

    job = finished(COPY, [beta], "fileareaid=mod_nothing/vmtest/0").jobs.get()

    assert job.state == "failed"
    assert job.error.startswith("the site has no mod_nothing: install it, or check")
    assert files_of(beta) == {}


def test_a_source_without_the_files_fails_the_run(sites: Campus, finished: RunOf):
    with pytest.raises(CommandFailed, match="has 0 files in core_h5p/vmtest/5"):
        finished(COPY, [sites[1]], "fileareaid=core_h5p/vmtest/5")
    with pytest.raises(CommandFailed, match="has no such file among those of the site"):
        finished("generic/CopyFile", [sites[1]], "fileid=99999999")
