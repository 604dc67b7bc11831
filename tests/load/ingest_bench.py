"""How fast statements are taken in: batches of 50 by 8 clients, durable, validated, told and relayed.

    python -m tests.load.ingest_bench [--seconds 15] [--batch 50] [--clients 8] [--separate] [--stream] [--whole]

Runs the intake of an embedded house (identity and learning_events in one process, or each alone with --separate) with
its database and broker, and sends statements under fresh ids: over HTTP, or in streams of gRPC with --stream. With
--whole it is a whole house, with all consumers at work. It prints, and judges nothing: statements a second until the
last was relayed, latencies, CPU by process class, and the ratio to a plain asyncpg loop that inserts the same bytes
with as many connections in the same run.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from infra.embedded.postgres import EmbeddedPostgres
from shared.runtime.lifecycle import launch
from tests.journeys.house import JourneyHouse, running_house
from tests.load.intake import Intake, intake
from tests.load.latency_bench import prepared
from tests.load.options import asked_for
from tests.load.sending import Address, Sender, StreamSender
from tests.load.yardstick import LOAD, Meter, Spent, at_least, at_most, cost, line, machine, percentile, plain_loop

GOAL_RATES: Final = {1: 1_200, 50: 10_000, 500: 10_000}
"""By statements a request; 500 are to be no slower than 50."""
GOAL_P99_MS: Final = {50: 150}
GOAL_CLIENTS: Final = 8
PATH: Final = "/xapi/statements"
WARM_UP_SECONDS: Final = 3.0
DRAIN_SECONDS_MAX: Final = 60.0
COLUMNS: Final = {"id": "uuid", "body": "bytea"}
STORED: Final = "SELECT count(*) FROM statements"
TOLD: Final = "SELECT count(*) FROM backbone.facts"
LAG: Final = """SELECT count(*) FROM (SELECT FROM backbone.facts AS f, backbone.relay AS r
WHERE (f.epoch, f.xid, f.id) > (r.epoch, r.xid, r.id) LIMIT 1) AS waiting"""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: for how long, how many statements a request, by how many clients, how, and to what."""

    seconds: float = 15.0
    batch: int = 50
    clients: int = 8
    is_separate: bool = False
    is_stream: bool = False
    is_whole: bool = False

    @property
    def layout(self) -> str:
        """What is sent to."""
        if self.is_whole:
            return "a whole house, all consumers at work"
        layout = "each service alone" if self.is_separate else "identity and learning_events in one process"
        return f"{layout}, in streams of gRPC" if self.is_stream else layout


@dataclass(frozen=True, slots=True)
class Under:
    """What is under load. count: what a query gives in the database of learning_events; trees: its processes."""

    address: Address
    count: Callable[[str], Awaitable[int]]
    dsn: str
    postgres: int
    alone: Mapping[str, int]
    trees: Mapping[str, int]

    async def drained(self) -> float:
        """Wait until every fact is on its topic and return how long that took. Raises TimeoutError."""
        started = time.perf_counter()
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            while await self.count(LAG):
                await asyncio.sleep(0.02)
        return time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured. taken: from the first request until the last fact was on its topic.

    latencies: milliseconds of each request. failures: requests that were not answered with 200. read, unread: of the
    statements that were asked for once they were acknowledged, how many, and how many were not found. stored, told:
    statements and facts in the database, of those that were sent meanwhile.
    """

    corpus: str
    taken: Spent
    plain: Spent
    drain_seconds: float
    latencies: Sequence[float]
    failures: int
    read: int
    unread: int
    stored: int
    told: int


@asynccontextmanager
async def under(load: Load) -> AsyncIterator[Under]:
    """Run what the load is for."""
    if load.is_whole:
        with running_house() as house:
            yield _whole(house)
        return
    async with intake(is_separate=load.is_separate) as house:
        yield _intake(house, load)


def _intake(house: Intake, load: Load) -> Under:
    headers = {"authorization": f"Bearer {house.secret}"}
    port = house.rpc_port if load.is_stream else house.http_port
    address = Address(port, PATH, headers, is_read_back=not load.is_stream)
    postgres = house.servers.postgres
    trees = {**house.processes, **house.servers.pids}
    return Under(address, house.count, postgres.admin_dsn, postgres.pid, {}, trees)


def _whole(house: JourneyHouse) -> Under:
    async def count(query: str) -> int:
        async with house.database("learning_events") as connection:
            counted: int = await connection.fetchval(query)
            return counted

    address = Address(house.port, PATH, prepared(house), is_read_back=True)
    state = house.state()
    trees = {one.name: one.pid for one in state.processes}
    dsn = EmbeddedPostgres(house.home.postgres, house.port + 1).admin_dsn
    return Under(address, count, dsn, trees["postgres"], {"supervisor": state.pid}, trees)


async def measure(load: Load) -> Measured:
    """Return what the intake does under this load on this machine, now."""
    async with under(load) as what:
        sender = (StreamSender if load.is_stream else Sender)(what.address, load.batch, load.clients)
        meter = Meter(alone={LOAD: os.getpid(), **what.alone}, trees=what.trees)
        await sender.send(WARM_UP_SECONDS)
        await what.drained()
        stored, told = await what.count(STORED), await what.count(TOLD)
        before = meter.read()
        await sender.send(load.seconds)
        drain_seconds = await what.drained()
        taken = meter.spent(before, sender.acknowledged)
        stored, told = await what.count(STORED) - stored, await what.count(TOLD) - told
        rows = sender.corpus.batches(load.batch)
        plain = await plain_loop(what.dsn, what.postgres, COLUMNS, rows, load.clients)
        seen = (sender.latencies, sender.failures, sender.read, sender.unread)
        return Measured(sender.corpus.name, taken, plain, drain_seconds, *seen, stored, told)


def report(load: Load, measured: Measured) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    taken, p99 = measured.taken, percentile(measured.latencies, 0.99)
    has_goal = load.clients == GOAL_CLIENTS and not load.is_whole
    rate_goal = at_least(GOAL_RATES[load.batch], taken.rate) if has_goal and load.batch in GOAL_RATES else ""
    p99_goal = at_most(GOAL_P99_MS[load.batch], p99) if has_goal and load.batch in GOAL_P99_MS else ""
    yield line("sent", f"{measured.corpus}, {load.batch} a request by {load.clients} clients for {load.seconds:g} s")
    yield line("to", load.layout)
    yield line("taken in", f"{taken.rate:,.0f} statements/s until relayed {rate_goal}".rstrip())
    yield line("", f"the relay was done {measured.drain_seconds * 1e3:.0f} ms after the last answer")
    yield line("kept", f"{taken.rows:,} acknowledged, {measured.stored:,} stored, {measured.told:,} told and relayed")
    p50 = percentile(measured.latencies, 0.5)
    yield line("answered in", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms {p99_goal}".rstrip())
    yield line("not taken", f"{measured.failures} requests")
    if measured.read:
        yield line("read at once", f"{measured.read - measured.unread:,} of {measured.read:,} asked for by their ids")
    yield from cost(taken, measured.plain, "statement")


def main() -> None:
    """Measure and print."""
    load = asked_for(Load, "ingest_bench", "How fast statements enter")
    print(line("machine", machine()))
    print(*report(load, launch(measure(load))), sep="\n")


if __name__ == "__main__":
    main()
