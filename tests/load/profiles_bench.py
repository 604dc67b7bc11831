"""How soon estimates reach a profile through relay and broker, and how many facts a second the read model takes in.

`python -m pytest tests/load/profiles_bench.py -m bench -s` prints figures of this machine; nothing is judged. Teller,
broker, database and skill_profiles share it, teller and skill_profiles one process.
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from shared.events.fact import NewFact
from shared.events.sources import SKILL_INFERENCE
from shared.kernel.clock import SystemClock
from shared.kernel.ids import system_fact_id, system_id
from shared.runtime.backbone import Backbone
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.feed import RpcFeed
from shared.runtime.settings import Settings
from tests.suites.skill_profiles.house import TOKEN, ProfilesHouse, profiles_house
from tests.suites.skill_profiles.samples import estimate

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]
PEOPLE = 300
FACTS_A_SECOND = 1_000
BATCH = 20
SECONDS = 15.0
BURST = 20_000


@asynccontextmanager
async def teller(admin_dsn: str, kafka: str, folder: Path) -> AsyncIterator[Backbone]:
    """A source of estimates with a relay of its own."""
    service = "estimates_teller"
    (folder / "migrations" / "derived").mkdir(parents=True)
    wanted = ServiceDatabase(service, folder, "door", "back")
    await create_database(admin_dsn, wanted)
    await migrate(admin_dsn, wanted)
    address = admin_dsn.rpartition("@")[2].partition("/")[0]
    settings = Settings.model_validate(
        {
            "service": service,
            "database_door_url": f"postgresql://{service}_door:door@{address}/deedlog_{service}",
            "database_backbone_url": f"postgresql://{service}_backbone:back@{address}/deedlog_{service}",
            "kafka_address": kafka,
            "service_token": TOKEN,
            "is_embedded": True,
            "topic_partitions": 4,
        }
    )
    backbone = Backbone(settings, SystemClock(), folder, source=SKILL_INFERENCE, feed=RpcFeed({}))
    await backbone.start()
    yield backbone
    await backbone.stop()


async def tell(backbone: Backbone, people: Sequence[str], mean: float) -> None:
    """Tell an estimate of each person, in one transaction."""
    facts: list[NewFact] = []
    for person in people:
        event = estimate(mean=mean)
        facts.append(event.fact(system_fact_id(), person, event.last_evidence_at))
    async with backbone.door(None) as tx:
        await tx.lock(people)
        await backbone.store.append(tx, facts)


async def seen(house: ProfilesHouse, person: str, mean: float) -> None:
    """Return once the profile shows this estimate."""
    async with house.backbone.reading() as connection:
        while await connection.fetchval("SELECT mean FROM estimates WHERE person = $1", person) != mean:
            await asyncio.sleep(0.01)


async def latencies(source: Backbone, house: ProfilesHouse, people: Sequence[str]) -> list[float]:
    """Return how long a marked fact took from its commit to its profile, at a steady rate of facts around it."""
    found: list[float] = []

    async def mark(place: int) -> None:
        person = system_id("person")
        await tell(source, [person], float(place))
        committed = time.perf_counter()
        await seen(house, person, float(place))
        found.append(time.perf_counter() - committed)

    marks = []
    began = time.perf_counter()
    for place in range(int(SECONDS * FACTS_A_SECOND / BATCH)):
        batch = [people[(place * BATCH + offset) % len(people)] for offset in range(BATCH)]
        await tell(source, sorted(set(batch)), float(place))
        if place % 5 == 0:
            marks.append(asyncio.ensure_future(mark(place)))
        await asyncio.sleep(max(0.0, began + (place + 1) * BATCH / FACTS_A_SECOND - time.perf_counter()))
    await asyncio.gather(*marks)
    return sorted(found)


async def burst(house: ProfilesHouse, people: Sequence[str]) -> float:
    """Return facts a second that the consumer core applies, handed over in batches of 500."""
    facts = [
        fact
        for place in range(BURST // len(people))
        for person in people
        for fact in house.book.tell(person, estimate(mean=float(place)))
    ]
    began = time.perf_counter()
    for start in range(0, len(facts), 500):
        await house.hear(facts[start : start + 500])
    return len(facts) / (time.perf_counter() - began)


async def test_how_soon_and_how_fast_profiles_follow(tmp_path: Path) -> None:
    """Print latency at a steady rate, and throughput."""
    postgres = EmbeddedPostgres(tmp_path / "postgres", free_port())
    broker = EmbeddedBroker(free_port(), tmp_path / "broker.log")
    await postgres.start()
    await broker.start()
    people = [system_id("person") for _ in range(PEOPLE)]
    try:
        async with (
            teller(postgres.admin_dsn, broker.address, tmp_path / "teller") as source,
            profiles_house(postgres.admin_dsn, broker.address, 1) as house,
        ):
            await tell(source, people, -1.0)
            await seen(house, people[-1], -1.0)
            waits = await latencies(source, house, people)
            rate = await burst(house, [system_id("person") for _ in range(200)])
    finally:
        await broker.kill()
        await postgres.wipe()
    at = {share: waits[min(int(share * len(waits)), len(waits) - 1)] * 1e3 for share in (0.5, 0.9, 0.99)}
    print(f"\n{platform.machine()}, {os.cpu_count()} cores; {len(waits)} marks among {FACTS_A_SECOND} facts/s")
    print(f"commit to profile: p50 {at[0.5]:.0f} ms, p90 {at[0.9]:.0f} ms, p99 {at[0.99]:.0f} ms")
    print(f"applied: {rate:,.0f} facts/s in batches of 500")
