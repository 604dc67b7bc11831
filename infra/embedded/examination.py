"""Looks at one house as a doctor does: what runs, every dependency, every limit of the mode, and what to do.

Only what can be looked at from this machine is looked at; what services say of themselves is the caller's to ask.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from infra.embedded.broker import described_cluster
from infra.embedded.finding import Finding, fine, judged, megabytes, note, wrong
from infra.embedded.health import Health, health_of_all
from infra.embedded.home import Home
from infra.embedded.layout import Layout
from infra.embedded.limits import files, limits, versions
from infra.embedded.ports import HOST
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.postgres_cluster import OPERATOR_FILE
from infra.embedded.state import GONE, HouseState, still_runs
from shared.kernel.errors import DeedlogError

CONNECTIONS_SHARE_MAX: Final = 0.9
HORIZON_SECONDS_MAX: Final = 30.0
_BY_ITSELF: Final = "it is started again by itself; if not, look into the logs"
_MORE: Final = f"a higher max_connections in {OPERATOR_FILE}, beside postgresql.conf; then deedlog down and up"
_SERVER: Final = """
SELECT current_setting('server_version') AS version,
       current_setting('max_connections')::int AS connections_max,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       (SELECT sum(pg_database_size(oid)) FROM pg_database)::bigint AS bytes,
       coalesce((SELECT extract(epoch FROM max(now() - xact_start)) FROM pg_stat_activity
                 WHERE backend_xid IS NOT NULL), 0)::float8 AS horizon_seconds
"""


async def examine(home: Home, layout: Layout, state: HouseState | None) -> list[Finding]:
    """Return what was found in and around a data folder. state: of the house that runs there, None when none does."""
    below = [*files(home), *versions()]
    if state is None:
        return [wrong("house", "running", "no house runs in this folder", next_step="deedlog up"), *below]
    processes = [_process(one) for one in await health_of_all(layout.processes)]
    servers = [await _broker(layout), *await _postgres(home, layout)]
    return [*_house(state), *processes, *servers, *limits(home, state), *below]


def _house(state: HouseState) -> list[Finding]:
    down = [f"{one.name}: {one.reason or GONE}" for one in state.processes if one.reason or not still_runs(one)]
    restarts = [f"{one.name} {one.restarts}" for one in state.processes if one.restarts]
    since = f"{state.phase} since {state.started_at}; process {state.pid}, {state.layout} layout, port {state.port}"
    is_well = state.phase == "ready" and not down
    told = fine("house", "restarts", "none") if not restarts else note("house", "restarts", ", ".join(restarts))
    return [judged(is_well, "house", "running", "; ".join(down) or since, mend=_BY_ITSELF), told]


def _process(health: Health) -> Finding:
    """Return the finding of one process; its parts are told one by one only when they are not ready."""
    said = f"{len(health.dependencies)} parts, all ready" if health.is_ready else health.reason
    return judged(health.is_ready, "processes", health.process, said, mend=_BY_ITSELF)


async def _broker(layout: Layout) -> Finding:
    cluster = await described_cluster(f"{HOST}:{layout.broker_port}")
    said = "does not answer" if cluster is None else f"answers as {cluster}"
    return judged(cluster is not None, "processes", "broker", said, mend=_BY_ITSELF)


async def _postgres(home: Home, layout: Layout) -> list[Finding]:
    try:
        async with _connected(home, layout) as connection:
            row = await connection.fetchrow(_SERVER)
    except (OSError, asyncpg.PostgresError, DeedlogError) as error:
        return [wrong("processes", "postgres", f"does not answer: {error}", next_step=_BY_ITSELF)]
    connections_max = row["connections_max"]
    has_room = row["connections"] <= connections_max * CONNECTIONS_SHARE_MAX
    flows = row["horizon_seconds"] <= HORIZON_SECONDS_MAX
    oldest, most = f"{row['horizon_seconds']:.1f} s", f"below {HORIZON_SECONDS_MAX:g} s"
    return [
        fine("processes", "postgres", f"answers as PostgreSQL {row['version']}"),
        judged(has_room, "limits", "database connections", str(row["connections"]), f"{connections_max}", _MORE),
        judged(flows, "limits", "oldest writing transaction", oldest, most, "find it in pg_stat_activity and end it"),
        note("limits", "database", megabytes(row["bytes"]), "the disk", "deedlog backup FILE"),
    ]


@asynccontextmanager
async def _connected(home: Home, layout: Layout) -> AsyncIterator[Any]:
    dsn = EmbeddedPostgres(home.postgres, layout.postgres_port).admin_dsn
    connection: Any = await asyncpg.connect(dsn, timeout=3, command_timeout=5)
    try:
        yield connection
    finally:
        connection.terminate()
