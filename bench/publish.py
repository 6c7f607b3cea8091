"""How long does publishing take: all tenants at once, and one of them?

Both with the syncs to the disk that a crash needs.

    python bench/publish.py [--tenants 10000] [--single 100]
"""

import argparse
from types import SimpleNamespace

from fleet import median, scratch, table, tenant_rows, timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--single", type=int, default=100, help="Saved one by one.")
    options = parser.parse_args()
    with scratch(LOG_LEVEL="ERROR"):
        figures(options)


def figures(options: SimpleNamespace | argparse.Namespace) -> None:
    from tenants.models import DatabaseServer, Release, Tenant

    server = DatabaseServer.objects.create(name="none", admin_user="nobody")
    release = Release.objects.create(
        name="4.3", path="/nowhere", version="2023100900", release="4.3", branch="403"
    )
    tenant_rows(options.tenants, server, release)

    def publish_all() -> None:
        from tenants.serving import publish

        living = Tenant.objects.living().with_edges()
        assert len(publish.rebuild(living)) >= options.tenants

    def again() -> None:
        from tenants.serving import publish

        assert publish.rebuild(Tenant.objects.living().with_edges()) == []

    first, second = timed(publish_all), timed(again)
    each = []
    for tenant in Tenant.objects.with_edges()[: options.single]:
        tenant.enabled = False  # another boot file, and its former one goes
        each.append(timed(tenant.save) * 1000)
    each.sort()
    table(
        f"Publishing {options.tenants} tenants",
        [
            ("all of them, none published (at most 10)", first, "s"),
            ("again, when all is well", second, "s"),
            ("one that is saved, median (at most 20)", median(each), "ms"),
            ("one of 20 takes longer than", each[int(len(each) * 0.95)], "ms"),
        ],
    )


if __name__ == "__main__":
    main()
