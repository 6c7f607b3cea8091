"""What a code tree says of its versions, and the hash of them."""

import pytest

from tenants import moodledb, php


@pytest.mark.django_db
def test_the_hash_of_a_tree_is_what_an_up_to_date_site_stores(tenant):
    stored = moodledb.config_of(tenant, ["allversionshash"])["allversionshash"]

    assert php.versions_hash("php", tenant.release.path) == stored


@pytest.mark.django_db
def test_the_versions_of_a_tree_are_read_once_for_its_hash(releases):
    release = releases["4.2"]
    asked = "php", release.path, release.versions_hash

    found = php.versions(*asked)

    assert float(found["core"]) == float(release.version)
    assert float(found["mod_quiz"]) >= 2023042400
    assert php.versions(*asked) is found


def test_a_tree_without_its_list_of_plugins_is_to_be_unpacked(tmp_path):
    with pytest.raises(php.PhpError) as error:
        php.versions_hash("php", str(tmp_path))

    assert str(error.value) == (
        f"the plugin versions of {tmp_path} cannot be read: there is no readable "
        f"{tmp_path}/lib/classes/component.php: unpack the tree completely"
    )


def test_what_php_says_of_a_tree_is_told_without_its_trace(tmp_path):
    component = tmp_path / "lib/classes/component.php"
    component.parent.mkdir(parents=True)
    component.write_text("<?php throw new Exception('no');")

    with pytest.raises(
        php.PhpError, match="cannot be read: PHP Fatal error: "
    ) as error:
        php.versions_hash("php", str(tmp_path))

    assert "\n" not in str(error.value)


def test_a_tree_that_prints_no_text_has_no_hash(tmp_path):
    component = tmp_path / "lib/classes/component.php"
    component.parent.mkdir(parents=True)
    component.write_bytes(b"<?php echo '\xff'; exit(1);")

    with pytest.raises(php.PhpError, match="cannot be read: \N{REPLACEMENT CHARACTER}"):
        php.versions_hash("php", str(tmp_path))
