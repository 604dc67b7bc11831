"""A week of a real platform goes in while every process of the house is killed, several of them twice.

22,000 statements in batches of 50, by four senders that send again what was not acknowledged. Meanwhile each service
(and with it its relay and its consumer) and the broker are killed -9 in an order drawn from the printed seed. In the
end every acknowledged statement is stored once, told once, and applied once by every consumer.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from typing import Any, Final

import httpx
import pytest

from infra.embedded.layout import SERVICES
from tests.journeys.house import ROOT, JourneyHouse, running_house, until

CORPUS: Final = ROOT.parent / "shared" / "data" / "xapi" / "fun-mooc-statements.json.gz"
BATCH: Final = 50
SENDERS: Final = 4
CONSUMERS: Final = ("skill_inference", "record_log", "skill_profiles")
REBUILDABLE: Final = ("skill_inference", "skill_profiles")
BROKER: Final = "broker"
PAUSE_SECONDS: Final = (0.8, 2.0)
TRIES_SECONDS_MAX: Final = 60.0
CAUGHT_UP_SECONDS_MAX: Final = 240.0

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of real statements is not on this machine"),
]


def corpus() -> list[dict[str, Any]]:
    """Return the statements as the platform sent them."""
    with gzip.open(CORPUS, "rt") as lines:
        return [json.loads(line) for line in lines]


async def send_all(house: JourneyHouse, key: dict[str, str], statements: list[dict[str, Any]]) -> set[str]:
    """Send every batch until it is acknowledged, and return the ids that were."""
    batches = [statements[start : start + BATCH] for start in range(0, len(statements), BATCH)]
    waiting = iter(batches)
    acknowledged: set[str] = set()

    async def sender() -> None:
        async with httpx.AsyncClient(base_url=house.origin, timeout=20, trust_env=False) as client:
            for batch in waiting:
                acknowledged.update(await deliver(client, key, batch))

    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    return acknowledged


async def deliver(client: httpx.AsyncClient, key: dict[str, str], batch: list[dict[str, Any]]) -> list[str]:
    """Post a batch until it is acknowledged, and return its ids."""
    body = json.dumps(batch).encode()
    headers = {"Content-Type": "application/json", "X-Experience-API-Version": "1.0.3"}
    async with asyncio.timeout(TRIES_SECONDS_MAX):
        while True:
            try:
                reply = await client.post(
                    "/xapi/statements", content=body, headers=headers, auth=(key["id"], key["secret"])
                )
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
                continue
            if reply.status_code == 200:
                ids: list[str] = reply.json()
                return ids
            assert reply.status_code >= 500, f"{reply.status_code}: {reply.text[:500]}"
            await asyncio.sleep(0.2)


async def kill_everybody(house: JourneyHouse, rng: random.Random) -> list[str]:
    """Kill each service once and the broker twice, in a drawn order with drawn pauses; return who was killed."""
    order = [*SERVICES, BROKER, BROKER, "learning_events"]
    rng.shuffle(order)
    killed = []
    for name in order:
        await asyncio.sleep(rng.uniform(*PAUSE_SECONDS))
        if house.kill(name):
            killed.append(name)
    return killed


async def told(house: JourneyHouse) -> dict[str, int]:
    """Return the head of each of learning_events' streams."""
    async with house.database("learning_events") as connection:
        return dict(await connection.fetch("SELECT subject, number FROM backbone.streams"))


async def heard(house: JourneyHouse, consumer: str) -> dict[str, int]:
    """Return how far a consumer heard each of those streams; parked ones as they stand."""
    async with house.database(consumer) as connection:
        return dict(await connection.fetch("SELECT subject, number FROM positions WHERE source = 'learning_events'"))


async def test_every_acknowledged_statement_is_stored_once_and_applied_once_though_all_are_killed(
    rng: random.Random,
) -> None:
    statements = corpus()
    with running_house("--layout", "separate") as house:
        organisation = house.answer("organisations", "create", "A real platform")["id"]
        key = house.answer("keys", "create", "--organisation", organisation, "--scopes", "write,read")
        acknowledged, killed = await asyncio.gather(send_all(house, key, statements), kill_everybody(house, rng))
        print(f"acknowledged {len(acknowledged)} statements; killed in order: {', '.join(killed)}")
        assert acknowledged == {statement["id"] for statement in statements}
        await assert_stored_once(house, acknowledged)
        await assert_streams_gapless(house, len(acknowledged))
        for consumer in CONSUMERS:
            await until(f"{consumer} to hear everything", lambda c=consumer: is_level(house, c), CAUGHT_UP_SECONDS_MAX)
        await assert_in_the_record_once(house, len(acknowledged))
        print_duplicates(house)
        for service in REBUILDABLE:
            assert_rebuild_is_equal(house, service)


async def is_level(house: JourneyHouse, consumer: str) -> bool:
    """Say whether a consumer heard every stream to its head."""
    return await heard(house, consumer) == await told(house)


async def assert_stored_once(house: JourneyHouse, acknowledged: set[str]) -> None:
    async with house.database("learning_events") as connection:
        rows = await connection.fetch("SELECT id::text FROM statements")
    assert len(rows) == len(acknowledged)
    assert {row[0] for row in rows} == acknowledged


async def assert_streams_gapless(house: JourneyHouse, facts: int) -> None:
    async with house.database("learning_events") as connection:
        rows = await connection.fetch(
            "SELECT subject, min(number), max(number), count(*), count(DISTINCT fact_id) FROM backbone.facts GROUP BY 1"
        )
    assert all((low, high, ids) == (1, count, count) for _, low, high, count, ids in rows)
    assert sum(row[3] for row in rows) == facts


async def assert_in_the_record_once(house: JourneyHouse, facts: int) -> None:
    async with house.database("record_log") as connection:
        total, distinct = await connection.fetchrow(
            "SELECT count(*), count(DISTINCT fact_id) FROM entries WHERE kind LIKE 'deedlog.learning-events.%'"
        )
    assert (total, distinct) == (facts, facts)


def print_duplicates(house: JourneyHouse) -> None:
    """Print how often facts were met again since each consumer's last start: counted, never a fault."""
    with house.api() as api:
        for service in api.get("/v1/services")["items"]:
            for hearing in service.get("hearings", []):
                if hearing["source"] == "learning_events":
                    print(f"{service['service']}: {hearing['duplicates']} duplicates, {hearing['gaps']} gaps mended")


def assert_rebuild_is_equal(house: JourneyHouse, service: str) -> None:
    last = house.answer("rebuild", service, "--check")
    assert last["live_digest"] == last["rebuilt_digest"], f"{service}: live state is not what its facts say"
    print(f"{service}: rebuilt {last['facts']} facts, digest {last['live_digest'][:16]}… equal")


def test_the_corpus_is_where_the_journey_looks_for_it() -> None:
    assert len(corpus()) == 22_000
