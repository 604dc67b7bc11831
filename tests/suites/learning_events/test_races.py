"""Many writers at once: one statement an id, one number a fact, and no reader that misses a row."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from deedlog.learning_events.v1 import learning_events_pb2 as pb2
from services.learning_events.domain.arrival import Writer
from services.learning_events.store.statements import PostgresStatements
from tests.suites.learning_events.house import House, Platform, identifier, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_of_eight_writers_of_the_same_ids_one_stores_each_and_the_others_meet_it(
    house: House, platform: Platform, rng: random.Random
) -> None:
    sent = [statement(f"person-{number % 5}") for number in range(30)]
    orders = [rng.sample(sent, len(sent)) for _ in range(8)]
    keys = [house.platform(organisation=platform.organisation) for _ in orders]
    answers = await asyncio.gather(*(key.post(order) for key, order in zip(keys, orders, strict=True)))
    assert answers == [[one["id"] for one in order] for order in orders]
    assert await house.counts(platform.organisation) == (30, 30)


async def test_of_two_writers_who_say_different_things_under_one_id_one_is_refused(
    house: House, platform: Platform
) -> None:
    second = house.platform(organisation=platform.organisation)
    for number in range(20):
        one = statement(f"person-{number}")
        other = {**statement(f"other-{number}"), "id": one["id"]}
        responses = await asyncio.gather(platform.send(one), second.send(other))
        assert sorted(response.status_code for response in responses) == [200, 409]
    assert await house.counts(platform.organisation) == (20, 20)


async def test_of_many_requests_at_once_those_in_conflict_are_refused_and_the_others_stored(
    house: House, platform: Platform
) -> None:
    kept = statement()
    await platform.post(kept)
    bodies = [
        [statement(f"person-{number}"), {**kept, "verb": {"id": "a:b"}}] if number % 5 == 0 else [statement(), kept]
        for number in range(40)
    ]
    responses = await asyncio.gather(*(platform.send(body) for body in bodies))
    assert [response.status_code for response in responses] == [409 if n % 5 == 0 else 200 for n in range(40)]
    assert {response.json()["errors"][0]["pointer"] for response in responses[::5]} == {"/1/id"}
    assert await house.counts(platform.organisation) == (33, 33)


async def test_writers_with_overlapping_ids_never_wait_in_a_ring(
    house: House, platform: Platform, rng: random.Random
) -> None:
    ids = [statement()["id"] for _ in range(200)]
    keys = [house.platform(organisation=platform.organisation) for _ in range(12)]

    async def write(writer: int) -> list[pb2.ItemResult]:
        # Every writer names people of its own, so that no lock but the ids' keeps them apart.
        return await keys[writer].publish([statement(f"of-{writer}", id=one) for one in rng.sample(ids, 120)])

    results = [result for answer in await asyncio.gather(*map(write, range(12))) for result in answer]
    kept = {result.id for result in results}
    assert {result.outcome for result in results} == {pb2.ITEM_OUTCOME_STORED, pb2.ITEM_OUTCOME_CONFLICT}
    assert sum(result.outcome == pb2.ITEM_OUTCOME_STORED for result in results) == len(kept)
    assert await house.counts(platform.organisation) == (len(kept), len(kept))


async def test_numbers_in_a_stream_have_no_gap_under_concurrent_writers(house: House, platform: Platform) -> None:
    keys = [house.platform(organisation=platform.organisation) for _ in range(8)]
    await asyncio.gather(*(key.post([statement("ada"), statement("ben")]) for key in keys for _ in range(5)))
    for name in ("ada", "ben"):
        assert [fact.number for fact in await house.stream(platform.person(name))] == list(range(1, 41))


async def followed(platform: Platform, writing: asyncio.Future[Any], limit: int) -> list[str]:
    """Follow what arrives from before the first row until the writers are done and nothing is left."""
    seen: list[str] = []
    token = (await platform.get("/v1/events")).json()["sync_token"]
    async with asyncio.timeout(30):
        while True:
            is_last = writing.done()
            page = (await platform.get(f"/v1/events?limit={limit}&cursor={token}")).json()
            seen += [item["id"] for item in page["items"]]
            token = page["sync_token"]
            if is_last and not page["has_more"] and len(seen) >= 400:
                return seen
            await asyncio.sleep(0.005)


async def test_a_follower_meets_every_row_of_concurrent_writers_exactly_once(house: House, platform: Platform) -> None:
    async def write(writer: int) -> list[str]:
        ids: list[str] = []
        key = house.platform(organisation=platform.organisation)
        for number in range(10):
            ids += await key.post([statement(f"person-{writer}-{number}-{place}") for place in range(5)])
        return ids

    writing = asyncio.ensure_future(asyncio.gather(*(write(writer) for writer in range(8))))
    seen = await followed(platform, writing, 7)
    written = [statement_id for ids in await writing for statement_id in ids]
    assert len(seen) == len(set(seen)) == 400
    assert set(seen) == set(written)


async def test_a_follower_does_not_pass_a_writer_who_began_earlier_and_ends_later(
    house: House, platform: Platform
) -> None:
    store = PostgresStatements(house.backbone)
    writer = Writer(platform.organisation, platform.key, is_test=False)
    token = (await platform.get("/v1/events")).json()["sync_token"]
    async with store.opened(writer, is_referring=False) as ledger:
        await ledger._tx.connection.fetchval("SELECT pg_current_xact_id()")
        later = await platform.post(statement())
        assert (await platform.get(f"/v1/events?cursor={token}")).json()["items"] == []
    page = (await platform.get(f"/v1/events?cursor={token}")).json()
    assert [item["id"] for item in page["items"]] == later


async def test_a_person_who_was_merged_is_told_of_under_the_new_id_once_the_old_one_is_forgotten(
    house: House, platform: Platform
) -> None:
    await platform.post(statement("alias"))
    alias, canonical = platform.person("alias"), platform.person("canonical")
    house.identity.move(platform.organisation, identifier("alias"), canonical)
    async with asyncio.timeout(20):
        while not await house.stream(canonical):
            await platform.post(statement("alias"))
            await asyncio.sleep(0.05)
    assert await house.stream(alias)


async def test_identity_is_asked_once_for_all_accounts_of_a_request_and_not_again_at_once(
    house: House, platform: Platform
) -> None:
    house.identity.asked.clear()
    await platform.post([statement("ada"), statement("ada"), statement("ben")])
    await platform.post([statement("ada"), statement("ben")])
    assert house.identity.asked == {identifier("ada"): 1, identifier("ben"): 1}


async def test_while_identity_is_away_new_accounts_wait_and_nothing_is_stored(house: House, platform: Platform) -> None:
    await platform.post(statement("known"))
    house.identity.is_away = True
    try:
        response = await platform.send([statement("known"), statement("new")])
    finally:
        house.identity.is_away = False
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert await house.counts(platform.organisation) == (1, 1)
    await platform.post([statement("known"), statement("new")])
    assert await house.counts(platform.organisation) == (3, 3)
