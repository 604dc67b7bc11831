"""How fast statements are taken in: batches of 50 by 8 clients, durable, validated, told and relayed.

    python -m tests.load.ingest_bench [--seconds 15] [--batch 50] [--clients 8] [--separate]

Runs the intake of an embedded house (identity and learning_events in one process, or each alone with --separate) with
its database and broker, and sends statements under fresh ids. It prints, and judges nothing: statements a second until
the last was relayed, latencies, CPU by process class, and the ratio to a plain asyncpg loop that inserts the same
bytes with as many connections in the same run.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.runtime.lifecycle import launch
from tests.load.corpus import Corpus
from tests.load.http_client import RawClient
from tests.load.intake import Intake, intake
from tests.load.options import asked_for
from tests.load.yardstick import LOAD, Meter, Spent, at_least, cost, line, machine, percentile, plain_loop

GOAL_RATE: Final = 5_000
GOAL_LOAD: Final = (50, 8)
"""Statements a request and clients that the goal speaks of."""
WARM_UP_SECONDS: Final = 3.0
DRAIN_SECONDS_MAX: Final = 60.0
COLUMNS: Final = {"id": "uuid", "body": "bytea"}
STORED: Final = "SELECT count(*) FROM statements"
TOLD: Final = "SELECT count(*) FROM backbone.facts"
LAG: Final = """SELECT count(*) FROM (SELECT FROM backbone.facts AS f, backbone.relay AS r
WHERE (f.epoch, f.xid, f.id) > (r.epoch, r.xid, r.id) LIMIT 1) AS waiting"""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: for how long, how many statements a request, by how many clients."""

    seconds: float = 15.0
    batch: int = 50
    clients: int = 8
    is_separate: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured. taken: from the first request until the last fact was on its topic.

    latencies: milliseconds of each request. failures: requests that were not answered with 200. stored, told:
    statements and facts in the database, of those that were sent meanwhile.
    """

    corpus: str
    taken: Spent
    plain: Spent
    drain_seconds: float
    latencies: Sequence[float]
    failures: int
    stored: int
    told: int


class Sender:
    """Sends what the load says to one intake."""

    def __init__(self, house: Intake, load: Load) -> None:
        self._house = house
        self._load = load
        self.corpus = Corpus()
        self.latencies: list[float] = []
        self.failures = 0

    async def send(self, seconds: float) -> None:
        """All clients have sent for so long, and what they saw is noted anew."""
        self.latencies, self.failures = [], 0
        bodies = self._bodies(time.perf_counter() + seconds)
        await asyncio.gather(*(self._client(bodies) for _ in range(self._load.clients)))

    def _bodies(self, ends_at: float) -> Iterator[bytes]:
        for batch in self.corpus.batches(self._load.batch):
            if time.perf_counter() >= ends_at:
                return
            yield b"[" + b",".join([body for _, body in batch]) + b"]"

    async def _client(self, bodies: Iterator[bytes]) -> None:
        headers = {"content-type": "application/json", "authorization": f"Bearer {self._house.secret}"}
        async with RawClient("127.0.0.1", self._house.http_port, "/xapi/statements", headers) as opened:
            for body in bodies:
                asked_at = time.perf_counter()
                status = await opened.post(body)
                self.latencies.append((time.perf_counter() - asked_at) * 1e3)
                self.failures += status != 200

    async def drained(self) -> float:
        """Wait until every fact is on its topic and return how long that took. Raises TimeoutError."""
        started = time.perf_counter()
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            while await self._house.count(LAG):
                await asyncio.sleep(0.02)
        return time.perf_counter() - started


async def measure(load: Load) -> Measured:
    """Return what the intake does under this load on this machine, now."""
    async with intake(is_separate=load.is_separate) as house:
        sender, postgres = Sender(house, load), house.servers.postgres
        meter = Meter(alone={LOAD: os.getpid()}, trees={**house.processes, **house.servers.pids})
        await sender.send(WARM_UP_SECONDS)
        await sender.drained()
        stored, told = await house.count(STORED), await house.count(TOLD)
        before = meter.read()
        await sender.send(load.seconds)
        drain_seconds = await sender.drained()
        taken = meter.spent(before, (len(sender.latencies) - sender.failures) * load.batch)
        stored, told = await house.count(STORED) - stored, await house.count(TOLD) - told
        rows = sender.corpus.batches(load.batch)
        plain = await plain_loop(postgres.admin_dsn, postgres.pid, COLUMNS, rows, load.clients)
        name, failures = sender.corpus.name, sender.failures
        return Measured(name, taken, plain, drain_seconds, sender.latencies, failures, stored, told)


def report(load: Load, measured: Measured) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    layout = "each service alone" if load.is_separate else "identity and learning_events in one process"
    taken, latencies = measured.taken, measured.latencies
    goal = at_least(GOAL_RATE, taken.rate) if (load.batch, load.clients) == GOAL_LOAD else ""
    yield line("sent", f"{measured.corpus}, {load.batch} a request by {load.clients} clients for {load.seconds:g} s")
    yield line("to", layout)
    yield line("taken in", f"{taken.rate:,.0f} statements/s until relayed {goal}".rstrip())
    yield line("", f"the relay was done {measured.drain_seconds * 1e3:.0f} ms after the last answer")
    yield line("kept", f"{taken.rows:,} acknowledged, {measured.stored:,} stored, {measured.told:,} told and relayed")
    yield line("answered in", f"p50 {percentile(latencies, 0.5):.1f} ms, p99 {percentile(latencies, 0.99):.1f} ms")
    yield line("not 200", f"{measured.failures}")
    yield from cost(taken, measured.plain, "statement")


def main() -> None:
    """Measure and print."""
    load = asked_for(Load, "ingest_bench", "How fast statements enter")
    print(line("machine", machine()))
    print(*report(load, launch(measure(load))), sep="\n")


if __name__ == "__main__":
    main()
