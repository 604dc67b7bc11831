"""How fast inference hears, folds and tells, and how soon an estimate stands after its statement was committed.

    python -m tests.load.inference_bench [--facts 20000] [--people 500] [--rate 1000] [--seconds 12]

First without the way there: batches of 500 facts of one kind are handed to the consumer. Then through a teller, its
relay and the embedded broker at a steady rate, where one statement in twenty is of a person never seen before, whose
first estimate is always told: from its recording to the recording of that estimate is the latency. Teller, relay and
inference share one process. It prints, and judges nothing.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.events.fact import Fact, NewFact
from shared.events.project_submissions import Mark
from shared.events.sources import IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS
from shared.kernel.clock import SystemClock
from shared.kernel.ids import system_id
from shared.runtime.backbone import Backbone
from shared.runtime.lifecycle import launch
from tests.load.options import asked_for
from tests.load.servers import Servers, servers
from tests.load.yardstick import Meter, Spent, cost, in_batches, line, machine, percentile
from tests.suites.backbone.house import HERE, Service, StoreFeed
from tests.suites.skill_inference.house import House, Tenant, inference_house
from tests.suites.skill_inference.house import line as alignment
from tests.suites.skill_inference.owners import NOW, Owners
from tests.unit.skill_inference.people import RUBRIC

BATCH: Final = 500
HANDFULS_A_SECOND: Final = 50
STRANGER_EVERY: Final = 20
ACTIVITIES: Final = [f"https://lms.example/quiz/{number}" for number in range(400)]
PATIENCE_SECONDS: Final = 120.0
HEARD: Final = """SELECT coalesce(sum(number), 0)::bigint, count(parked_number), (SELECT count(*) FROM put_off)
FROM positions"""
"""What was put off is heard, and told a moment later."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much: facts a kind, people they are of, facts a second through the broker, and for how long."""

    facts: int = 20_000
    people: int = 500
    rate: int = 1_000
    seconds: float = 12.0


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying one kind of fact cost. slowest: milliseconds of a batch. told: estimates told since the start."""

    kind: str
    spent: Spent
    slowest: float
    told: int


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of facts that were handed over. heard: facts of which positions tell. held: parked streams."""

    kinds: Sequence[Applied]
    plain: Spent
    rebuilt: Spent
    digests: tuple[str, str]
    given: int
    heard: int
    held: int


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of statements that came through the broker. latencies: milliseconds until the first estimate stood.

    late: seconds from the last commit until all were heard and told of. strangers: how many people were seen for the
    first time.
    """

    spent: Spent
    plain: Spent
    late: float
    latencies: Sequence[float]
    strangers: int


async def measure_handed(load: Load) -> Handed:
    """Return what it costs to apply each kind of fact alone, and to rebuild from all of them."""
    async with servers() as under, inference_house(under.postgres.admin_dsn, under.broker.address) as house:
        meter, kinds, given = _meter(under), [], 0
        plain_facts = _silent(house.owners, load, random.Random(7))
        plain = await under.plain_facts(in_batches(plain_facts, BATCH))
        async for kind, facts in _kinds(house, load, random.Random(7)):
            kinds.append(await _apply_all(house, meter, kind, facts))
            given += len(facts)
        heard, held, _ = (await house.rows(HEARD))[0]
        before = meter.read()
        last = await house.rebuild()
        rebuilt = meter.spent(before, last.facts)
        return Handed(kinds, plain, rebuilt, (last.live_digest, last.rebuilt_digest), given, heard, held)


async def _kinds(house: House, load: Load, chance: random.Random) -> AsyncIterator[tuple[str, Sequence[Fact]]]:
    """Yield each kind of fact, made when it is its turn."""
    owners, tenant, silent = house.owners, house.organisation(), house.organisation()
    await _align(tenant)

    def statements(count: int, make: Callable[[str, int], Fact]) -> list[Fact]:
        people = [system_id("person") for _ in range(load.people)]
        return [make(chance.choice(people), number) for number in range(count)]

    def minutes(number: int) -> datetime:
        return NOW - timedelta(days=400) + timedelta(minutes=number)

    def activity() -> str:
        return chance.choice(ACTIVITIES)

    unscored = statements(load.facts, lambda p, n: owners.statement(p, silent.id, activity(), success=None))
    yield "without a score", unscored
    yield "scored, not aligned", statements(load.facts, lambda p, n: owners.statement(p, silent.id, activity()))
    ordered = statements(load.facts, lambda p, n: owners.statement(p, tenant.id, activity(), at=minutes(n)))
    yield "aligned, in order", ordered
    late = statements(
        load.facts // 2, lambda p, n: owners.statement(p, tenant.id, activity(), at=minutes(chance.randrange(500_000)))
    )
    yield "aligned, in no order", late
    yield "reviews of 8 marks", statements(load.facts // 20, lambda p, n: _review(owners, p, chance))


async def _align(tenant: Tenant) -> None:
    table = (alignment(one, RUBRIC[n % 8], (n % 9) / 4 - 1) for n, one in enumerate(ACTIVITIES))
    await tenant.align(*table)


def _review(owners: Owners, person: str, chance: random.Random) -> Fact:
    marks = [Mark(criterion=skill, skill=skill, layer="", value=chance.randint(2, 5)) for skill in RUBRIC]
    return owners.review(person, f"prj_{person}{chance.randrange(5)}", f"prs_{chance.randrange(9)}", marks)


async def _apply_all(house: House, meter: Meter, kind: str, facts: Sequence[Fact]) -> Applied:
    """Apply the facts in batches, none of which may be held."""
    before, slowest = meter.read(), 0.0
    for batch in in_batches(facts, BATCH):
        begun = time.perf_counter()
        await house.hear(batch)
        slowest = max(slowest, time.perf_counter() - begun)
    spent = meter.spent(before, len(facts))
    (told,) = await house.rows("SELECT coalesce(sum(number), 0)::bigint FROM backbone.streams")
    return Applied(kind, spent, slowest * 1e3, told[0])


async def measure_carried(load: Load) -> Carried:
    """Return how soon estimates stand when statements come at a steady rate."""
    chance, owners = random.Random(7), Owners()
    async with servers() as under, _tellers(under) as feed:
        dsn, kafka = under.postgres.admin_dsn, under.broker.address
        teller = feed.owners[LEARNING_EVENTS.name]
        async with inference_house(dsn, kafka, owners, feed=feed, clock=SystemClock()) as house:
            tenant, meter = house.organisation(), _meter(under)
            await _align(tenant)
            people = [system_id("person") for _ in range(load.people)]
            before = meter.read()
            count, strangers = await _tell_steadily(teller, owners, tenant.id, people, chance, load)
            late = await _until_heard(house, count)
            spent = meter.spent(before, count)
            latencies = await _latencies(house, teller, strangers)
            handfuls = in_batches(_silent(owners, load, chance), load.rate // HANDFULS_A_SECOND)
            plain = await under.plain_facts(handfuls)
            return Carried(spent, plain, late, latencies, len(strangers))


@asynccontextmanager
async def _tellers(under: Servers) -> AsyncIterator[StoreFeed]:
    """The sources that inference hears run, and their feed is at hand."""
    feed, backbones = StoreFeed(), []
    try:
        for source in (IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS):
            service = Service(f"bench_{source.name}", under.postgres.admin_dsn, HERE / "teller", under.broker.address)
            service.more["is_embedded"] = True
            await service.set_up()
            backbone = Backbone(service.settings(), SystemClock(), service.folder, source=source, feed=feed)
            await backbone.start()
            feed.owners[source.name] = backbone
            backbones.append(backbone)
        yield feed
    finally:
        for backbone in backbones:
            await backbone.stop()


def _meter(under: Servers) -> Meter:
    return Meter(alone={"inference": os.getpid()}, trees=under.pids)


def _silent(owners: Owners, load: Load, chance: random.Random) -> list[Fact]:
    """Return as many statements, for the plain loop."""
    people = [system_id("person") for _ in range(load.people)]
    return [owners.statement(chance.choice(people), "org_plain", ACTIVITIES[0]) for _ in range(load.facts)]


async def _tell_steadily(
    teller: Backbone, owners: Owners, organisation: str, people: Sequence[str], chance: random.Random, load: Load
) -> tuple[int, list[str]]:
    """Commit a handful of statements every 20 ms; return how many there were, and the people seen once."""
    started, count, strangers = time.perf_counter(), 0, []
    handful = max(1, load.rate // HANDFULS_A_SECOND)
    while (due := started + count / load.rate) < started + load.seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        facts = []
        for number in range(count, count + handful):
            person = chance.choice(people)
            if number % STRANGER_EVERY == 0:
                person = system_id("person")
                strangers.append(person)
            fact = owners.statement(person, organisation, chance.choice(ACTIVITIES), at=SystemClock().now())
            data = fact.data or b""
            facts.append(NewFact(fact.id, fact.subject, fact.type, fact.occurred_at, fact.organisation, data))
        async with teller.backbone() as tx:
            await tx.lock({fact.subject for fact in facts})
            await teller.store.append(tx, facts)
        count += handful
    return count, strangers


async def _until_heard(house: House, count: int) -> float:
    started = time.perf_counter()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            heard, _, put_off = (await house.rows(HEARD))[0]
            if heard >= count and not put_off:
                return time.perf_counter() - started
            await asyncio.sleep(0.02)


async def _latencies(house: House, teller: Backbone, strangers: Sequence[str]) -> list[float]:
    query = "SELECT subject, min(recorded_at) FROM backbone.facts WHERE subject = ANY($1::text[]) GROUP BY subject"
    async with teller.reading() as connection:
        said = {row[0]: row[1] for row in await connection.fetch(query, list(strangers))}
    told = {row[0]: row[1] for row in await house.rows(query, list(strangers))}
    return [(told[person] - said[person]).total_seconds() * 1e3 for person in strangers if person in told]


def report_handed(load: Load, handed: Handed) -> Iterator[str]:
    """Yield the lines that say what was measured of facts handed over."""
    yield line("handed over", f"{load.facts:,} facts a kind, of {load.people:,} people, {BATCH} a batch")
    for one in handed.kinds:
        classes = ", ".join(f"{name} {one.spent.cpu_us_of(name):.0f}" for name in one.spent.cpu)
        yield line("", f"{one.kind:<20} {one.spent.rate:>7,.0f} facts/s at {one.spent.cpu_us:.0f} µs CPU: {classes};")
        yield f"{'':36}slowest batch {one.slowest:.0f} ms, {one.told:,} estimates told so far"
    yield line("rebuild", f"{handed.rebuilt.rate:,.0f} facts/s at {handed.rebuilt.cpu_us:.0f} µs CPU")
    aligned = next(one for one in handed.kinds if one.kind == "aligned, in order")
    yield line("of those", "aligned, in order:")
    yield from cost(aligned.spent, handed.plain, "fact")


def report_carried(load: Load, carried: Carried) -> Iterator[str]:
    """Yield the lines that say what was measured of statements that came through the broker."""
    waits = carried.latencies
    yield line("told", f"{carried.spent.rows:,} statements at {load.rate:,}/s by {load.people:,} people")
    p50, p99, most = percentile(waits, 0.5), percentile(waits, 0.99), max(waits, default=0.0)
    yield line("first estimate", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, most {most:.0f} ms after the statement's commit")
    yield line("", f"{len(waits):,} of {carried.strangers:,} people seen for the first time")
    yield line("heard all", f"{carried.late:.2f} s after the last commit")
    yield from cost(carried.spent, carried.plain, "fact", is_paced=True)


def main() -> None:
    """Measure and print."""
    load = asked_for(Load, "inference_bench", "The speed of inference")
    print(line("machine", machine()))
    print(*report_handed(load, launch(measure_handed(load))), sep="\n")
    print(*report_carried(load, launch(measure_carried(load))), sep="\n")


if __name__ == "__main__":
    main()
