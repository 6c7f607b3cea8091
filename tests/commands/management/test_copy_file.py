"""The shell's form of generic/CopyFile, which has tests of its own."""

from tests.commands.conftest import Manage, assert_refused


def test_the_shell_copies_to_one_tenant(manage: Manage, add_tenant):
    add_tenant("main", install=False, is_main=True)
    other = add_tenant("one", install=False)

    said = manage("copy_file", f"--host={other.wwwroot}", "--fileid=../etc")

    assert_refused(said, "is no file: give its id at the source")
