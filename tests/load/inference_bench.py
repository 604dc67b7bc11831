"""How fast inference hears, folds and tells, and how soon an estimate stands after its statement was committed.

    python -m tests.load.inference_bench [--facts 20000] [--people 500] [--rate 1000] [--seconds 12]

First in one process without a broker: batches of 500 facts of one kind are applied to a database of its own. Then
through a teller, its relay and the embedded broker at a steady rate, where one statement in twenty is of a person never
seen before, whose first estimate is always told: from its recording to the recording of that estimate is the latency.
It prints, and judges nothing; a plain asyncpg loop that inserts the same statements gives the scale.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil  # type: ignore[import-untyped]

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from shared.events.fact import Fact, NewFact
from shared.events.project_submissions import Mark
from shared.events.sources import IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS
from shared.kernel.clock import SystemClock
from shared.kernel.ids import system_fact_id, system_id
from shared.runtime.backbone import Backbone
from shared.runtime.lifecycle import launch
from tests.suites.backbone.house import HERE, Service, StoreFeed
from tests.suites.skill_inference.house import House, inference_house, line
from tests.suites.skill_inference.owners import NOW, Owners
from tests.unit.skill_inference.people import RUBRIC

BATCH: Final = 500
ACTIVITIES: Final = [f"https://lms.example/quiz/{number}" for number in range(400)]
PATIENCE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Load:
    """How much: facts a kind, people they are of, facts a second through the broker, and for how long."""

    facts: int
    people: int
    rate: int
    seconds: float


class Meter:
    """Processor time of this process and of the database server's."""

    def __init__(self, database: EmbeddedPostgres) -> None:
        postmaster = int((database.data_folder / "postmaster.pid").read_text().split()[0])
        self._own, self._server = psutil.Process(), psutil.Process(postmaster)

    def read(self) -> tuple[float, float]:
        """Return seconds of processor: ours, and the server's with those of its processes that live."""
        return _seconds(self._own), sum(map(_seconds, (self._server, *self._server.children())))


def _seconds(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


async def apply_all(house: House, meter: Meter, name: str, facts: Sequence[Fact]) -> None:
    """Apply the facts in batches, and print how fast that was."""
    consumer = house.backbone.consumer
    assert consumer is not None
    before, started = meter.read(), time.perf_counter()
    slowest = 0.0
    for start in range(0, len(facts), BATCH):
        begun = time.perf_counter()
        await consumer.apply(facts[start : start + BATCH])
        slowest = max(slowest, time.perf_counter() - begun)
    seconds, after = time.perf_counter() - started, meter.read()
    (told,) = await house.rows("SELECT coalesce(sum(number), 0)::bigint FROM backbone.streams")
    ours, server = ((after[n] - before[n]) / len(facts) * 1e6 for n in range(2))
    print(
        f"  {name:<44} {len(facts) / seconds:>8,.0f} facts/s   CPU {ours:>5.0f} µs here, {server:>4.0f} µs Postgres"
        f"   slowest batch {slowest * 1e3:>5.0f} ms   told so far {told[0]:,}",
        flush=True,
    )


async def kinds(house: House, meter: Meter, load: Load, chance: random.Random) -> None:
    """Measure each kind of fact alone."""
    owners, tenant, silent = house.owners, house.organisation(), house.organisation()
    await tenant.align(*(line(one, RUBRIC[n % 8], (n % 9) / 4 - 1) for n, one in enumerate(ACTIVITIES)))

    def statements(count: int, make: Callable[[str, int], Fact]) -> list[Fact]:
        people = [system_id("person") for _ in range(load.people)]
        return [make(chance.choice(people), number) for number in range(count)]

    def minutes(number: int) -> Any:
        return NOW - timedelta(days=400) + timedelta(minutes=number)

    def activity() -> str:
        return chance.choice(ACTIVITIES)

    unscored = statements(load.facts, lambda p, n: owners.statement(p, silent.id, activity(), success=None))
    await apply_all(house, meter, "without a score", unscored)
    unaligned = statements(load.facts, lambda p, n: owners.statement(p, silent.id, activity()))
    await apply_all(house, meter, "scored, not aligned", unaligned)
    ordered = statements(load.facts, lambda p, n: owners.statement(p, tenant.id, activity(), at=minutes(n)))
    await apply_all(house, meter, "scored and aligned, in order", ordered)
    late = statements(
        load.facts // 2, lambda p, n: owners.statement(p, tenant.id, activity(), at=minutes(chance.randrange(500_000)))
    )
    await apply_all(house, meter, "scored and aligned, in no order", late)
    reviews = statements(load.facts // 20, lambda p, n: _review(owners, p, chance))
    await apply_all(house, meter, "reviews of eight marks", reviews)
    started = time.perf_counter()
    last = await house.rebuild()
    rate = last.facts / (time.perf_counter() - started)
    print(f"  {'rebuild of all of it':<44} {rate:>8,.0f} facts/s   digests equal: {_equal(last)}", flush=True)


def _equal(last: Any) -> bool:
    return bool(last.live_digest == last.rebuilt_digest)


def _review(owners: Owners, person: str, chance: random.Random) -> Fact:
    marks = [Mark(criterion=skill, skill=skill, layer="", value=chance.randint(2, 5)) for skill in RUBRIC]
    return owners.review(person, f"prj_{person}{chance.randrange(5)}", f"prs_{chance.randrange(9)}", marks)


async def plain(admin_dsn: str, facts: int) -> None:
    """Print how fast a plain loop inserts as many statements, and nothing else."""
    connection = await asyncpg.connect(admin_dsn)
    await connection.execute(
        "CREATE TABLE plain (subject text, number bigint, fact_id uuid, activity text, result float8, at timestamptz)"
    )
    ids = [system_fact_id() for _ in range(facts)]
    started = time.perf_counter()
    for start in range(0, facts, BATCH):
        part = ids[start : start + BATCH]
        await connection.execute(
            """INSERT INTO plain
               SELECT * FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::float8[], $6::timestamptz[])
            """,
            ["prs"] * len(part),
            list(range(len(part))),
            part,
            ACTIVITIES[:1] * len(part),
            [1.0] * len(part),
            [NOW] * len(part),
        )
    print(f"  {'plain asyncpg loop':<44} {facts / (time.perf_counter() - started):>8,.0f} statements/s", flush=True)
    await connection.close()


async def through_the_broker(postgres: EmbeddedPostgres, broker: EmbeddedBroker, load: Load) -> None:
    """Tell at a steady rate and print how soon estimates stand."""
    feed, chance, meter = StoreFeed(), random.Random(7), Meter(postgres)
    backbones = []
    for source in (IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS):
        service = Service(f"bench_{source.name}", postgres.admin_dsn, HERE / "teller", broker.address)
        service.more["is_embedded"] = True
        await service.set_up()
        backbone = Backbone(service.settings(), SystemClock(), service.folder, source=source, feed=feed)
        await backbone.start()
        feed.owners[source.name] = backbone
        backbones.append(backbone)
    teller = feed.owners[LEARNING_EVENTS.name]
    owners = Owners()
    async with inference_house(postgres.admin_dsn, broker.address, owners, feed=feed, clock=SystemClock()) as house:
        tenant = house.organisation()
        await tenant.align(*(line(one, RUBRIC[n % 8], (n % 9) / 4 - 1) for n, one in enumerate(ACTIVITIES)))
        people = [system_id("person") for _ in range(load.people)]
        before = meter.read()
        count, probes = await _tell_steadily(teller, owners, tenant.id, people, chance, load)
        told = await _until_heard(house, count)
        after = meter.read()
        latencies = sorted(await _latencies(house, teller, probes))
        ours, server = ((after[n] - before[n]) / count * 1e6 for n in range(2))
        print(f"  {count:,} statements at {load.rate:,}/s by {load.people:,} people, heard {told:.2f} s after the last")
        print(
            f"  {len(latencies)} first estimates: p50 {_at(latencies, 0.5):.0f} ms, p99 {_at(latencies, 0.99):.0f} ms, "
            f"most {latencies[-1]:.0f} ms; CPU {ours:.0f} µs a fact in teller, relay and inference, "
            f"{server:.0f} µs in Postgres",
            flush=True,
        )
    for backbone in backbones:
        await backbone.stop()


async def _tell_steadily(
    teller: Backbone, owners: Owners, organisation: str, people: Sequence[str], chance: random.Random, load: Load
) -> tuple[int, list[str]]:
    """Commit a handful of statements every 20 ms; return how many there were, and the people seen once."""
    started, count, probes = time.perf_counter(), 0, []
    handful = max(1, load.rate // 50)
    while (due := started + count / load.rate) < started + load.seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        facts = []
        for number in range(count, count + handful):
            person = chance.choice(people)
            if number % 20 == 0:
                person = system_id("person")
                probes.append(person)
            fact = owners.statement(person, organisation, chance.choice(ACTIVITIES), at=SystemClock().now())
            facts.append(
                NewFact(fact.id, fact.subject, fact.type, fact.occurred_at, fact.organisation, fact.data or b"")
            )
        async with teller.backbone() as tx:
            await tx.lock({fact.subject for fact in facts})
            await teller.store.append(tx, facts)
        count += handful
    return count, probes


async def _until_heard(house: House, count: int) -> float:
    started = time.perf_counter()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            (row,) = await house.rows("SELECT coalesce(sum(number), 0) FROM positions")
            if row[0] >= count:
                return time.perf_counter() - started
            await asyncio.sleep(0.02)


async def _latencies(house: House, teller: Backbone, probes: Sequence[str]) -> list[float]:
    query = "SELECT subject, min(recorded_at) FROM backbone.facts WHERE subject = ANY($1::text[]) GROUP BY subject"
    async with teller.reading() as connection:
        said = {row[0]: row[1] for row in await connection.fetch(query, list(probes))}
    told = {row[0]: row[1] for row in await house.rows(query, list(probes))}
    return [(told[person] - said[person]).total_seconds() * 1e3 for person in probes if person in told]


def _at(latencies: Sequence[float], share: float) -> float:
    return latencies[min(len(latencies) - 1, int(share * len(latencies)))]


async def main(load: Load) -> None:
    """Run both parts on servers of their own."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, load average before {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres", free_port())
        quiet, busy = (EmbeddedBroker(free_port(), Path(folder) / f"{name}.log") for name in ("quiet", "busy"))
        try:
            for server in (postgres, quiet, busy):
                await server.start()
            await plain(postgres.admin_dsn, load.facts)
            async with inference_house(postgres.admin_dsn, quiet.address) as house:
                await kinds(house, Meter(postgres), load, random.Random(7))
            await through_the_broker(postgres, busy, load)
        finally:
            await quiet.kill()
            await busy.kill()
            await postgres.wipe()


def _load() -> Load:
    parser = argparse.ArgumentParser(prog="python -m tests.load.inference_bench", description="speed of inference")
    parser.add_argument("--facts", type=int, default=20_000)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=12.0)
    given = parser.parse_args()
    return Load(given.facts, given.people, given.rate, given.seconds)


if __name__ == "__main__":
    launch(main(_load()))
