"""What identity tells of people: an erasure reaches their statements, and nobody is taken for whom they were before."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from shared.events.erasure import facts_erased
from shared.events.event import Event
from shared.events.fact import Fact
from shared.events.identity import PersonMerged, PersonSplit
from shared.events.sources import IDENTITY
from shared.kernel.ids import Subject, system_fact_id, system_id
from tests.suites.learning_events.house import House, Platform, identifier, learning_events_house, statement
from tests.suites.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def hear(house: House, subject: str, *events: Event) -> None:
    """Have learning_events hear these events as the whole stream of `subject` at identity."""
    now = datetime.now(UTC)
    assert house.backbone.consumer is not None
    facts = [
        Fact(system_fact_id(), IDENTITY.name, Subject(subject), number, event.type, now, now, None, event.encode())
        for number, event in enumerate(events, 1)
    ]
    await house.backbone.consumer.apply(facts)


async def test_whom_identity_erases_has_no_statement_left_a_moment_later(house: House, platform: Platform) -> None:
    mine, others = statement("ada"), statement("ben")
    await platform.post([mine, others])
    await hear(house, platform.person("ada"), facts_erased(IDENTITY, 0))
    async with asyncio.timeout(20):
        while await platform.read(mine["id"]) is not None:
            await asyncio.sleep(0.02)
    assert await platform.read(others["id"]) is not None
    async with asyncio.timeout(20), house.backbone.reading() as connection:
        while await connection.fetchval("SELECT count(*) FROM erasures_due"):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("event", [PersonMerged, PersonSplit])
async def test_after_a_merge_or_a_split_identity_is_asked_again_whose_an_account_is(
    servers: Servers, event: type[PersonMerged] | type[PersonSplit]
) -> None:
    async with learning_events_house(
        servers.postgres.admin_dsn, servers.broker.address, people_cache_seconds=300
    ) as house:
        platform = house.platform()
        await platform.post([statement("ada"), statement("ben")])
        before, after = platform.person("ada"), system_id("person")
        house.identity.move(platform.organisation, identifier("ada"), after)
        await platform.post([statement("ada"), statement("ben")])
        assert len(await house.stream(before)) == 2
        await hear(house, before, event(canonical=after, alias=before))
        await platform.post([statement("ada"), statement("ben")])
        assert (len(await house.stream(before)), len(await house.stream(after))) == (2, 1)
        assert house.identity.asked[identifier("ada")] == 2
        assert house.identity.asked[identifier("ben")] == 1
