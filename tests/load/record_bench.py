"""How fast facts enter the record and estimates become credentials.

    python -m tests.load.record_bench [--facts 20000] [--people 400] [--credentials 2000]

One process hosts a service at a time and is handed facts in batches of 500, as from the topic; the database is the
embedded one. It prints, and judges nothing: facts a second, CPU of this process a fact, and how many a plain asyncpg
loop inserts that writes the same data in batches of the same size in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from shared.events.fact import Fact, NewFact
from tests.suites.credential_issuing.house import PARTS, estimate
from tests.suites.record_log.house import House, person, statement

BATCH: Final = 500


def numbered(source: str, facts: Sequence[NewFact]) -> list[Fact]:
    """Return the facts as their source's store would number them."""
    numbers: Counter[str] = Counter()
    found = []
    for fact in facts:
        numbers[fact.subject] += 1
        number, now = numbers[fact.subject], datetime.now(UTC)
        found.append(Fact(fact.id, source, fact.subject, number, fact.type, fact.occurred_at, now, None, fact.data))
    return found


async def measured(name: str, facts: Sequence[Fact], take: Callable[[Sequence[Fact]], Awaitable[Any]]) -> None:
    """Hand the facts over in batches and print how fast they were taken."""
    started, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(facts), BATCH):
        await take(facts[start : start + BATCH])
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    print(f"{name:<36}{len(facts) / seconds:>10,.0f} a second{cpu_seconds / len(facts) * 1e6:>8,.0f} µs CPU here")


async def plain(dsn: str, facts: Sequence[Fact]) -> None:
    """Insert the same data with nothing around it."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE plain (id uuid PRIMARY KEY, data bytea)")

    async def insert(batch: Sequence[Fact]) -> None:
        rows = [fact.id for fact in batch], [fact.data for fact in batch]
        await connection.execute("INSERT INTO plain SELECT * FROM unnest($1::uuid[], $2::bytea[])", *rows)

    await measured("a plain loop of inserts", facts, insert)
    await connection.execute("DROP TABLE plain")
    await connection.close()


async def bench(options: argparse.Namespace, folder: Path) -> None:
    """Stand up both services and hand them what they hear."""
    postgres, broker = EmbeddedPostgres(folder / "postgres", free_port()), EmbeddedBroker(free_port(), folder / "log")
    await postgres.start()
    await broker.start()
    house = House(postgres.admin_dsn, broker.address, folder, (), dict(PARTS))
    try:
        await house.set_up()
        await house.start()
        people = [person() for _ in range(options.people)]
        told = [statement(people[place % len(people)]) for place in range(options.facts)]
        facts = numbered("learning_events", told)
        await plain(postgres.admin_dsn, facts)
        await measured(f"record_log, {options.people} people", facts, consumer(house, "record_log"))
        facts = numbered("learning_events", [statement(person_) for person_ in [person()] * options.facts])
        await measured("record_log, one person", facts, consumer(house, "record_log"))
        for name, works in (("not yet earned", 1), ("issued", 3)):
            estimates = [estimate(person(), works=works) for _ in range(options.credentials)]
            facts = numbered("skill_inference", estimates)
            await measured(f"credential_issuing, {name}", facts, consumer(house, "credential_issuing"))
    finally:
        await house.tear_down()
        await broker.kill()
        await postgres.wipe()


def consumer(house: House, name: str) -> Callable[[Sequence[Fact]], Awaitable[Any]]:
    """Return what takes a batch of facts for a service."""
    found = house.running[name].backbone.consumer
    assert found is not None
    return found.apply


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How fast facts enter the record.")
    parser.add_argument("--facts", type=int, default=20_000)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--credentials", type=int, default=2_000)
    print(f"{platform.machine()}, Python {platform.python_version()}; facts in batches of {BATCH}")
    with tempfile.TemporaryDirectory(prefix="deedlog-bench-") as folder:
        asyncio.run(bench(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
