"""OPcache's file cache: what it keeps of a code tree, and what it must not."""

from django.conf import settings

from tenants import php
from tenants.models import Tenant


def test_what_moodle_includes_again_and_again_is_not_cached(tenant: Tenant):
    list(php.run(tenant, "admin/cli/upgrade.php", ["--is-pending"], accept=(0, 2)))

    cached = [path.name for path in settings.VMOODLE_PHP_CACHE_DIR.glob("**/*.bin")]
    assert "clilib.php.bin" in cached
    assert "version.php.bin" not in cached
