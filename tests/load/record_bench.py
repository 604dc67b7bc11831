"""How fast facts enter the record and estimates become credentials.

    python -m tests.load.record_bench [--facts 20000] [--people 400] [--credentials 2000]

One process hosts both services and hands them facts in batches of 500, as from the topic; the database is the embedded
one. It prints, and judges nothing: facts a second, CPU a fact by process class, and the ratio to a plain asyncpg loop
that inserts the same facts in batches of the same size in the same run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from shared.events.fact import Fact, NewFact
from shared.runtime.lifecycle import launch
from tests.load.options import asked_for
from tests.load.servers import Servers, servers
from tests.load.yardstick import Meter, Spent, cost, in_batches, line, machine
from tests.suites.credential_issuing.house import PARTS, estimate
from tests.suites.record_log.house import House, person, statement

BATCH: Final = 500
ENTRIES: Final = "SELECT count(*) FROM entries WHERE source = 'learning_events'"
"""Without those that the log makes of itself, one a stream."""
CREDENTIALS: Final = "SELECT count(*) FROM credentials"


@dataclass(frozen=True, slots=True)
class Load:
    """How much: facts for the record, people they are of, and estimates for the issuer."""

    facts: int = 20_000
    people: int = 400
    credentials: int = 2_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What handing facts to a service cost. made: entries or credentials that came of it; due: that had to come."""

    what: str
    spent: Spent
    plain: Spent
    made: int
    due: int


@dataclass(slots=True)
class Bench:
    """Both services, and what is under them."""

    under: Servers
    house: House
    meter: Meter

    async def record(self, what: str, told: Sequence[NewFact]) -> Taken:
        """Have the facts enter the record."""
        return await self._take(what, "record_log", ENTRIES, numbered("learning_events", told), len(told))

    async def issue(self, what: str, told: Sequence[NewFact], due: int) -> Taken:
        """Have the estimates earn credentials, or not."""
        return await self._take(what, "credential_issuing", CREDENTIALS, numbered("skill_inference", told), due)

    async def _take(self, what: str, service: str, made_of: str, facts: Sequence[Fact], due: int) -> Taken:
        consumer = self.house.running[service].backbone.consumer
        assert consumer is not None
        made, before = await self._count(service, made_of), self.meter.read()
        for batch in in_batches(facts, BATCH):
            held = await consumer.apply(batch)
            assert not held
        spent = self.meter.spent(before, len(facts))
        made = await self._count(service, made_of) - made
        return Taken(what, spent, await self.under.plain_facts(in_batches(facts, BATCH)), made, due)

    async def _count(self, service: str, query: str) -> int:
        ((count,),) = await self.house.rows(service, query)
        return int(count)


def numbered(source: str, facts: Sequence[NewFact]) -> list[Fact]:
    """Return the facts as their source's store would number them."""
    numbers: Counter[str] = Counter()
    found = []
    for fact in facts:
        numbers[fact.subject] += 1
        number, now = numbers[fact.subject], datetime.now(UTC)
        found.append(Fact(fact.id, source, fact.subject, number, fact.type, fact.occurred_at, now, None, fact.data))
    return found


async def measure(load: Load) -> list[Taken]:
    """Return what the record and the issuer do with each kind of facts."""
    async with servers() as under:
        house = House(under.postgres.admin_dsn, under.broker.address, under.folder, (), dict(PARTS))
        try:
            await house.set_up()
            await house.start()
            bench = Bench(under, house, Meter(alone={"record": os.getpid()}, trees=under.pids))
            return [taken async for taken in _each(bench, load)]
        finally:
            await house.tear_down()


async def _each(bench: Bench, load: Load) -> AsyncIterator[Taken]:
    people = [person() for _ in range(load.people)]
    many = [statement(people[place % len(people)]) for place in range(load.facts)]
    yield await bench.record(f"record_log, {load.people:,} people", many)
    one = person()
    yield await bench.record("record_log, one person", [statement(one) for _ in range(load.facts)])
    early = [estimate(person(), works=1) for _ in range(load.credentials)]
    yield await bench.issue("credential_issuing, not yet earned", early, 0)
    earned = [estimate(person()) for _ in range(load.credentials)]
    yield await bench.issue("credential_issuing, issued", earned, load.credentials)


def report(measured: Sequence[Taken]) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    for one in measured:
        yield line(
            "handed over", f"{one.what}: {one.spent.rows:,} facts, {BATCH} a batch: {one.spent.rate:,.0f} facts/s"
        )
        yield from cost(one.spent, one.plain, "fact")


def main() -> None:
    """Measure and print."""
    load = asked_for(Load, "record_bench", "The speed of the record")
    print(line("machine", machine()))
    print(*report(launch(measure(load))), sep="\n")


if __name__ == "__main__":
    main()
