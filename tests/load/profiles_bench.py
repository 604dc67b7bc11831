"""How soon estimates reach a profile through relay and broker, and how many facts a second the read model takes in.

    python -m tests.load.profiles_bench [--rate 1000] [--seconds 12] [--burst 20000]

Teller and skill_profiles share one process; broker and database are the embedded ones. At the steady rate a person
never seen before is told of now and then: from the commit of their estimate to the row of their profile is the
latency. The burst is handed to the consumer in batches of 500, without the way there. It prints, and judges nothing.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from shared.events.fact import Fact, NewFact
from shared.events.sources import SKILL_INFERENCE
from shared.kernel.clock import SystemClock
from shared.kernel.ids import system_fact_id, system_id
from shared.runtime.backbone import Backbone
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.feed import RpcFeed
from shared.runtime.lifecycle import launch
from shared.runtime.settings import Settings
from tests.load.options import asked_for
from tests.load.servers import HELD, Servers, servers
from tests.load.yardstick import Meter, Spent, cost, in_batches, line, machine, percentile
from tests.suites.skill_profiles.house import TOKEN, ProfilesHouse, profiles_house
from tests.suites.skill_profiles.samples import estimate

PEOPLE: Final = 300
BURST_PEOPLE: Final = 200
TOLD_AT_ONCE: Final = 20
MARK_EVERY: Final = 5
"""In how many transactions one is followed by that of a person never seen before."""
BATCH: Final = 500
PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """How much: facts a second and for how long, and then how many at once."""

    rate: int = 1_000
    seconds: float = 12.0
    burst: int = 20_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured. waits: milliseconds from commit to profile. wrong: people whose profile is not the last told.

    held: streams that are parked and facts that were set aside.
    """

    steady: Spent
    waits: Sequence[float]
    taken: Spent
    plain: Spent
    wrong: int
    held: int


@dataclass(slots=True)
class Bench:
    """A source of estimates, the read model that hears it, and what was told last of each person."""

    load: Load
    source: Backbone
    house: ProfilesHouse
    last: dict[str, float]

    async def tell(self, people: Sequence[str], mean: float) -> None:
        """Tell an estimate of each person, in one transaction."""
        facts: list[NewFact] = []
        for person in people:
            event = estimate(mean=mean)
            facts.append(event.fact(system_fact_id(), person, event.last_evidence_at))
        async with self.source.door(None) as tx:
            await tx.lock(people)
            await self.source.store.append(tx, facts)
        self.last.update(dict.fromkeys(people, mean))

    async def seen(self, person: str, mean: float) -> None:
        """Return once the profile shows this estimate. Raises TimeoutError."""
        query = "SELECT mean FROM estimates WHERE person = $1"
        async with asyncio.timeout(PATIENCE_SECONDS), self.house.backbone.reading() as connection:
            while await connection.fetchval(query, person) != mean:
                await asyncio.sleep(0.01)

    async def steadily(self) -> tuple[int, list[float]]:
        """Tell at the steady rate; return how many facts, and how long each marked one took from commit to profile."""
        waits: list[float] = []
        people = [system_id("person") for _ in range(PEOPLE)]

        async def mark(place: int) -> None:
            person = system_id("person")
            await self.tell([person], float(place))
            committed = time.perf_counter()
            await self.seen(person, float(place))
            waits.append((time.perf_counter() - committed) * 1e3)

        marks, facts, began = [], 0, time.perf_counter()
        for place in range(int(self.load.seconds * self.load.rate / TOLD_AT_ONCE)):
            at_once = [people[(place * TOLD_AT_ONCE + offset) % PEOPLE] for offset in range(TOLD_AT_ONCE)]
            await self.tell(sorted(at_once), float(place))
            facts += len(at_once)
            if place % MARK_EVERY == 0:
                marks.append(asyncio.ensure_future(mark(place)))
            due = began + (place + 1) * TOLD_AT_ONCE / self.load.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await asyncio.gather(*marks)
        return facts + len(marks), waits

    def burst(self) -> list[Fact]:
        """Return the facts of a burst, told by other owners, as the topic would bring them."""
        people = [system_id("person") for _ in range(BURST_PEOPLE)]
        rounds = range(self.load.burst // BURST_PEOPLE)
        self.last.update(dict.fromkeys(people, float(rounds[-1])))
        tell = self.house.book.tell
        return [fact for mean in rounds for one in people for fact in tell(one, estimate(mean=float(mean)))]

    async def until_right(self) -> int:
        """Wait until every profile shows what was told last, and return how many do not when it has taken too long."""
        ends_at = time.perf_counter() + PATIENCE_SECONDS
        while (wrong := await self._wrong()) and time.perf_counter() < ends_at:
            await asyncio.sleep(0.05)
        return wrong

    async def _wrong(self) -> int:
        async with self.house.operator() as connection:
            rows = await connection.fetch("SELECT person, mean FROM derived.estimates")
        shown = dict(rows)
        return sum(shown.get(person) != mean for person, mean in self.last.items())

    async def held(self) -> int:
        """Return how many streams are parked and facts were set aside."""
        async with self.house.operator() as connection:
            value: int = await connection.fetchval(HELD)
        return value


async def measure(load: Load) -> Measured:
    """Return how soon and how fast profiles follow."""
    async with (
        servers() as under,
        _teller(under) as source,
        profiles_house(under.postgres.admin_dsn, under.broker.address, 1) as house,
    ):
        bench = Bench(load, source, house, {})
        await bench.tell([warm := system_id("person")], -1.0)
        await bench.seen(warm, -1.0)
        meter = Meter(alone={"profiles": os.getpid()}, trees=under.pids)
        before = meter.read()
        told, waits = await bench.steadily()
        wrong = await bench.until_right()
        steady = meter.spent(before, told)
        facts = bench.burst()
        before = meter.read()
        for batch in in_batches(facts, BATCH):
            await house.hear(batch)
        taken = meter.spent(before, len(facts))
        wrong += await bench.until_right()
        plain = await under.plain_facts(in_batches(facts, BATCH))
        return Measured(steady, waits, taken, plain, wrong, await bench.held())


@asynccontextmanager
async def _teller(under: Servers) -> AsyncIterator[Backbone]:
    """A source of estimates with a relay of its own."""
    service, folder = "estimates_teller", under.folder / "teller"
    (folder / "migrations" / "derived").mkdir(parents=True)
    wanted = ServiceDatabase(service, folder, "door", "back")
    await create_database(under.postgres.admin_dsn, wanted)
    await migrate(under.postgres.admin_dsn, wanted)
    settings = Settings.model_validate(_values(service, f"127.0.0.1:{under.postgres.port}", under.broker.address))
    backbone = Backbone(settings, SystemClock(), folder, source=SKILL_INFERENCE, feed=RpcFeed({}))
    await backbone.start()
    try:
        yield backbone
    finally:
        await backbone.stop()


def _values(service: str, database: str, kafka: str) -> Mapping[str, object]:
    return {
        "service": service,
        "database_door_url": f"postgresql://{service}_door:door@{database}/deedlog_{service}",
        "database_backbone_url": f"postgresql://{service}_backbone:back@{database}/deedlog_{service}",
        "kafka_address": kafka,
        "service_token": TOKEN,
        "is_embedded": True,
        "topic_partitions": 4,
    }


def report(load: Load, measured: Measured) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    waits, steady = measured.waits, measured.steady
    p50, p99, most = percentile(waits, 0.5), percentile(waits, 0.99), max(waits, default=0.0)
    yield line("told", f"{steady.rows:,} estimates at {load.rate:,}/s")
    yield line(
        "in profiles", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, most {most:.0f} ms after commit; {len(waits)} marks"
    )
    yield from cost(steady, measured.plain, "fact", is_paced=True)
    yield line("handed over", f"{measured.taken.rows:,} estimates, {BATCH} a batch: {measured.taken.rate:,.0f} facts/s")
    yield from cost(measured.taken, measured.plain, "fact")


def main() -> None:
    """Measure and print."""
    load = asked_for(Load, "profiles_bench", "The speed of profiles")
    print(line("machine", machine()))
    print(*report(load, launch(measure(load))), sep="\n")


if __name__ == "__main__":
    main()
