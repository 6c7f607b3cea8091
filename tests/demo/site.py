"""A sandbox site as a test of a command sees it: its tables, and what a job says."""

from collections.abc import Callable
from typing import Any

from tenants import moodledb
from tenants.models import Tenant

Pair = tuple[Tenant, Tenant]
Told = Callable[..., list[str]]
DONE, SO, SOURCE = "succeeded", "it is so already", "it is the source"
NOW = "delay=0&spread=0"


def change(tenant: Tenant, sql: str, *values: Any) -> None:
    moodledb.execute(tenant.server, _with_tables(tenant, sql), values)


def read(tenant: Tenant, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    return list(moodledb.query(tenant.server, _with_tables(tenant, sql), values))


def _with_tables(tenant: Tenant, sql: str) -> str:
    start = f"`{tenant.db_name}`.`{tenant.db_prefix}"
    return sql.replace("{", start).replace("}", "`")
