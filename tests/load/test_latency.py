"""From acknowledged to visible: three hops through a whole house at 1,000 scored, aligned statements a second.

`python -m pytest tests/load -m bench -s` runs it with the others. Statements enter over HTTP, become facts, are folded
into estimates, and estimates into profiles; seen is when the profile's row is committed. The load generator, the
watcher and the house share the machine. Prints the share of statements that were acknowledged in time too, because a
house that falls behind would otherwise look quick.
"""

from __future__ import annotations

import asyncio
import json
import platform
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest

from cli.demo import cast
from shared.kernel.ids import system_uuid7
from tests.journeys.house import JourneyHouse, running_house, until

RATE: Final = 1_000
BATCH: Final = 50
SECONDS: Final = 12.0
PEOPLE: Final = int(RATE * SECONDS)
"""One aligned statement each: the first always moves a level, so that it must show. All are known before."""
WATCHED_EVERY: Final = 4
SENDERS: Final = 8
GOAL_MS: Final = 500.0
WAIT_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.02

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]


@dataclass
class Watch:
    """When the first statement about a person was acknowledged, by account; and when each was first seen."""

    acknowledged: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)


def statement(account: str, place: int, is_aligned: bool) -> dict[str, Any]:
    """Return a scored statement about an activity."""
    activity = cast.ACTIVITIES[place % len(cast.ACTIVITIES)]
    at = datetime.now(UTC) - timedelta(seconds=place % 3600)
    return {
        "id": str(system_uuid7()),
        "actor": {"account": {"homePage": cast.PLATFORM_HOME, "name": account}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
        "object": {"id": activity.iri if is_aligned else f"{activity.iri}/unaligned"},
        "result": {"score": {"scaled": 0.8}, "success": True},
        "timestamp": at.isoformat(),
    }


async def send(house: JourneyHouse, key: dict[str, str], watch: Watch | None) -> float:
    """Send a statement about everybody and return how long it took: at the steady rate when watched, else at once."""
    starts = iter(range(0, PEOPLE, BATCH))
    begun = time.monotonic()

    async def sender(client: httpx.AsyncClient) -> None:
        for start in starts:
            if watch is not None:
                await asyncio.sleep(max(0.0, begun + start / RATE - time.monotonic()))
            accounts = [f"learner-{place}" for place in range(start, start + BATCH)]
            body = [statement(account, start + i, watch is not None) for i, account in enumerate(accounts)]
            reply = await client.post(
                "/xapi/statements",
                content=json.dumps(body).encode(),
                headers={"Content-Type": "application/json", "X-Experience-API-Version": "2.0.0"},
                auth=(key["id"], key["secret"]),
            )
            assert reply.status_code == 200, reply.text[:300]
            if watch is not None:
                watch.acknowledged.update(dict.fromkeys(accounts[::WATCHED_EVERY], time.monotonic()))

    async with httpx.AsyncClient(base_url=house.origin, timeout=60, trust_env=False) as client:
        await asyncio.gather(*(sender(client) for _ in range(SENDERS)))
    return time.monotonic() - begun


async def known_accounts(house: JourneyHouse) -> dict[str, str]:
    """Return the account of each person."""
    async with house.database("identity") as connection:
        rows = await connection.fetch("SELECT person, identifier FROM accounts")
    return {person: identifier.rpartition("|")[2] for person, identifier in rows}


async def look(house: JourneyHouse, watch: Watch, accounts: dict[str, str]) -> None:
    """Note when each awaited person first stands in a profile with a skill, by the read model's own table."""
    people = {account: person for person, account in accounts.items()}
    async with house.database("skill_profiles") as profiles:
        while True:
            awaited = [people[account] for account in watch.acknowledged.keys() - watch.seen.keys()]
            rows = await profiles.fetch("SELECT DISTINCT person FROM estimates WHERE person = ANY ($1)", awaited)
            now = time.monotonic()
            watch.seen.update((accounts[person], now) for (person,) in rows)
            await asyncio.sleep(LOOK_SECONDS)


async def is_calm(house: JourneyHouse) -> bool:
    """Say whether every consumer has heard everything that was told."""
    with house.api() as api:
        services = await asyncio.to_thread(api.get, "/v1/services")
    told = {one["service"]: one["facts_told"] for one in services["items"]}
    return all(h["facts"] >= told[h["source"]] for one in services["items"] for h in one["hearings"])


async def test_acknowledged_to_visible_in_the_profile() -> None:
    watch = Watch()
    with running_house() as house:
        organisation = house.answer("organisations", "create", "A platform")["id"]
        key = house.answer("keys", "create", "--organisation", organisation, "--scopes", "write,read")
        with house.api() as api:
            api.as_caller(key["secret"]).send("PUT", "/v1/alignments", cast.alignments_csv().encode(), "text/csv")
        await send(house, key, None)
        await until("the warm-up to settle", lambda: is_calm(house), WAIT_SECONDS)
        looking = asyncio.ensure_future(look(house, watch, await known_accounts(house)))
        try:
            seconds = await send(house, key, watch)
            ends_at = time.monotonic() + WAIT_SECONDS
            while not watch.acknowledged.keys() <= watch.seen.keys() and time.monotonic() < ends_at:
                if looking.done():
                    looking.result()
                await asyncio.sleep(0.1)
        finally:
            looking.cancel()
    waits = sorted((watch.seen[a] - at) * 1_000 for a, at in watch.acknowledged.items() if a in watch.seen)
    missing = len(watch.acknowledged) - len(waits)
    print(f"\nmachine: {platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"acknowledged {PEOPLE} statements in {seconds:.1f} s: {PEOPLE / seconds:,.0f}/s of {RATE:,}/s offered")
    print(
        f"acknowledged → visible over {len(waits)} people: p50 {at_share(waits, 0.5):.0f} ms, "
        f"p99 {at_share(waits, 0.99):.0f} ms; {at_share(waits, 0.99) / GOAL_MS:.2f} of the goal of {GOAL_MS:.0f} ms; "
        f"never seen: {missing}"
    )
    assert not missing, "an acknowledged statement never reached the profile"


def at_share(sorted_values: list[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]
