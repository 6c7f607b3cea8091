"""What MNet leaves in a site, taken away again."""

from collections.abc import Iterator
from contextlib import contextmanager

from tenants import moodledb
from tenants.models import Tenant
from tests.moodle.in_moodle import in_moodle

UNDO = """
    [$mode, $auth, $peer, $host] = $in;
    set_config('mnet_dispatcher_mode', $mode);
    set_config('auth', $auth);
    unset_config('openssl', 'mnet');
    unset_config('openssl_history', 'mnet');
    $role = $DB->get_field('role', 'id', ['shortname' => 'user']);
    unassign_capability('moodle/site:mnetlogintoremote', $role);
    $DB->delete_records('mnet_host2service');
    $DB->delete_records('mnet_host', ['wwwroot' => $peer]);
    $own = ['id' => $CFG->mnet_localhost_id, 'wwwroot' => $host, 'ip_address' => ''];
    $own += ['public_key' => '', 'public_key_expires' => 0];
    $DB->update_record('mnet_host', $own);
    core_plugin_manager::reset_caches();
"""


@contextmanager
def mnet_undone(tenant: Tenant, peer: str) -> Iterator[None]:
    """Let a site, in the end, know no more of MNet and of this peer than now."""
    config = moodledb.config_of(tenant, ["mnet_dispatcher_mode", "auth"])
    hosts = moodledb.table(tenant, "mnet_host")
    [(host,)] = moodledb.query(
        tenant.server, f"SELECT wwwroot FROM {hosts} WHERE id = 1"
    )
    yield
    mode, auth = config["mnet_dispatcher_mode"], config.get("auth", "")
    in_moodle(tenant, UNDO, [mode, auth, peer, host])
