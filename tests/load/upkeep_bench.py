"""What statements take on disk, by table and index, and how fast they are removed by age or found after an upgrade.

    python -m tests.load.upkeep_bench [--seconds 20] [--batch 50] [--statements 20000]

The disk is measured after real statements came over HTTP through a whole intake, facts and streams included, for so
many seconds. Removing and filling are measured on `statements` written by COPY, a step after the other without pauses.
It prints, and judges only that nothing was left behind.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import asyncpg

from services.learning_events.domain.retention import Policy
from services.learning_events.handlers.retaining import Store
from services.learning_events.store.backfill import PostgresBackfill
from services.learning_events.store.retention import PostgresRemoval, PostgresRetention
from shared.kernel.clock import SystemClock
from shared.runtime.lifecycle import launch
from tests.load.disk import TableSize, size_lines, table_sizes
from tests.load.ingest_bench import STORED
from tests.load.intake import intake
from tests.load.options import asked_for
from tests.load.search_fill import fill
from tests.load.sending import Address, Sender
from tests.load.servers import Servers, servers
from tests.load.yardstick import Meter, Spent, elsewhere, line, machine
from tests.suites.learning_events.house import House, Platform, learning_events_house

CLIENTS: Final = 8
_EMPTIED: Final = "SELECT avg(pg_column_size(s.*) + 4) FROM statements AS s WHERE original IS NULL"


@dataclass(frozen=True, slots=True)
class Load:
    """How long statements are sent and how many a request, and how many are removed and filled in."""

    seconds: float = 20.0
    batch: int = 50
    statements: int = 20_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured. sent: statements whose sizes were taken; left: what is not as it should be by the end."""

    sent: int
    sizes: Mapping[str, TableSize]
    filled: Spent
    removed: Spent
    emptied_bytes: float
    left: int


async def measure(load: Load) -> Measured:
    """Return what statements take on this machine, now."""
    async with intake(is_separate=False) as house:
        connection = await asyncpg.connect(house.servers.dsn("learning_events"))
        empty = await table_sizes(connection, 1)
        address = Address(house.http_port, "/xapi/statements", {"authorization": f"Bearer {house.secret}"})
        await Sender(address, load.batch, CLIENTS).send(load.seconds)
        sent: int = await connection.fetchval(STORED)
        sizes = await table_sizes(connection, sent, empty)
        await connection.close()
    async with AsyncExitStack() as stack:
        under = await stack.enter_async_context(servers())
        ours = await stack.enter_async_context(learning_events_house(under.postgres.admin_dsn, under.broker.address))
        connection = await asyncpg.connect(under.dsn("learning_events"))
        stack.push_async_callback(connection.close)
        platform = ours.platform()
        await fill(connection, platform, load.statements, load.batch, lambda _: None)
        filled = await _filled(connection, ours, platform, under, load)
        removed = await _removed(ours, platform, under, load)
        left = await connection.fetchval("SELECT count(*) FROM searchable")
        left += await connection.fetchval("SELECT count(*) FROM statements WHERE original IS NOT NULL")
        return Measured(sent, sizes, filled, removed, float(await connection.fetchval(_EMPTIED)), left)


async def _filled(connection: Any, house: House, platform: Platform, under: Servers, load: Load) -> Spent:
    """Have what the statements are found by made anew, and return what it cost."""
    before = await connection.fetchval("SELECT sum(cardinality(places)) FROM searchable")
    await connection.execute("TRUNCATE searchable")
    opened = "INSERT INTO index_backfills (organisation, is_test, through, behind) VALUES ($1, false, now(), 'epoch')"
    await connection.execute(opened, platform.organisation)
    spent = await _spent(PostgresBackfill(house.backbone).fill_some, under, load.statements)
    after = await connection.fetchval("SELECT sum(cardinality(places)) FROM searchable")
    assert before == after, "the index is not what it was"
    return spent


async def _removed(house: House, platform: Platform, under: Servers, load: Load) -> Spent:
    store, now = Store(platform.organisation, is_test=False), SystemClock().now()
    await PostgresRetention(house.backbone).set(store, Policy(36_500), "bench", now)
    removal = PostgresRemoval(house.backbone)
    return await _spent(lambda: removal.remove_some(store, 36_500, now + timedelta(days=1)), under, load.statements)


async def _spent(step: Callable[[], Awaitable[bool]], under: Servers, rows: int) -> Spent:
    """Return what it costs to do all steps."""
    meter = Meter(alone={"here": os.getpid()}, trees={"postgres": under.postgres.pid})
    before = meter.read()
    while not await step():
        pass
    return meter.spent(before, rows)


def report(load: Load, measured: Measured) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    yield line("among", f"{measured.sent:,} real statements, {load.batch} a request by {CLIENTS} clients")
    yield from size_lines(measured.sizes)
    for name, spent in (("removed", measured.removed), ("filled in", measured.filled)):
        cpu = f"{spent.cpu_us_of('here'):.0f} µs CPU each here, {spent.cpu_us_of('postgres'):.0f} in Postgres"
        yield line(name, f"{load.statements:,} statements at {spent.rate:,.0f}/s, {cpu}; {elsewhere(spent)}")
    yield line("", f"a removed statement keeps {measured.emptied_bytes:.0f} bytes and its entries in two indexes")


def main() -> None:
    """Measure and print."""
    load = asked_for(Load, "upkeep_bench", "What statements take on disk, and how fast they are removed")
    print(line("machine", machine()))
    print(*report(load, launch(measure(load))), sep="\n")


if __name__ == "__main__":
    main()
