"""The broker dies, comes back empty, loses its topics or is rotated while facts are in flight; none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from infra.embedded.broker import EmbeddedBroker

from .house import AnyBroker, House, new_fact, until

SUBJECTS = ("ada", "bea", "cyd", "dot", "eve")


@asynccontextmanager
async def telling(house: House) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Facts are told all the while; what is handed out waits until so many transactions more are durable."""
    durable = 0

    async def write() -> None:
        nonlocal durable
        while True:
            await house.tell(*(new_fact(subject) for subject in SUBJECTS for _ in range(3)))
            durable += 1
            await asyncio.sleep(0.005)

    async def more(transactions: int) -> None:
        goal = durable + transactions
        await until(lambda: asyncio.sleep(0, durable >= goal or writer.done()))
        if writer.done():
            await writer

    writer = asyncio.create_task(write())
    try:
        yield more
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


async def empty(broker: AnyBroker) -> None:
    """The broker was killed and serves again with nothing in it, as another cluster."""
    before = broker.cluster_id
    await (broker.kill() if isinstance(broker, EmbeddedBroker) else broker.wipe())
    await broker.start()
    assert broker.cluster_id != before


@pytest.mark.timeout(120)
async def test_a_broker_killed_in_mid_flight_loses_nothing(house: House) -> None:
    await house.start()
    async with telling(house) as more:
        for _ in range(2):
            await more(10)
            await house.broker.kill()
            await more(10)
            await house.broker.start()
            await more(10)
    await house.until_heard()


@pytest.mark.timeout(120)
async def test_a_broker_emptied_in_mid_flight_loses_nothing(house: House) -> None:
    await house.start()
    async with telling(house) as more:
        for _ in range(2):
            await more(10)
            await empty(house.broker)
            await more(10)
    await house.until_heard()


async def test_what_only_an_emptied_broker_had_is_read_from_the_owner(house: House) -> None:
    """Produced, verified and not yet heard; then the broker is another one, and nobody tells anything more."""
    await house.start_teller()
    await house.tell_many(SUBJECTS, 20)

    async def is_verified() -> bool:
        async with house.teller_service.operator() as connection:
            row = await connection.fetchrow("SELECT id, verified_id FROM backbone.relay")
        return bool(row[0] and row[0] == row[1])

    await until(is_verified)
    await empty(house.broker)
    await house.start_listener()
    await house.until_heard()
    assert len(await house.facts_on_topic()) == 0


@pytest.mark.timeout(120)
async def test_all_topics_deleted_in_mid_flight_lose_nothing(house: House) -> None:
    await house.start()
    async with telling(house) as more:
        for _ in range(2):
            await more(10)
            await house.delete_topics()
            await more(10)
    await house.until_heard()
    assert await house.topics()


async def test_a_topic_name_is_never_used_twice(house: House) -> None:
    await house.start()
    await house.tell_many(SUBJECTS, 5)
    await house.until_heard()
    before = await house.topics()
    await house.delete_topics()

    async def are_others() -> bool:
        return bool(await house.topics()) and before.isdisjoint(await house.topics())

    await until(are_others)
    await house.tell_many(SUBJECTS, 5)
    await house.until_heard()


async def test_planned_rotation_under_load_loses_nothing_and_deletes_what_was_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.runtime.relay.GRACE_SECONDS", 0.5)
    await house.start_teller(topic_facts_max=60)
    await house.start_listener()
    async with telling(house) as more:
        await more(60)
    await house.until_heard()

    async def generation() -> int:
        async with house.teller_service.operator() as connection:
            return int(await connection.fetchval("SELECT generation FROM backbone.relay"))

    assert await generation() > 3

    async def only_the_newest_is_left() -> bool:
        return await house.topics() == {f"{house.source.topic}.g{await generation()}"}

    await until(only_the_newest_is_left)
    await house.tell_many(SUBJECTS, 5)
    await house.until_heard()


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_every_lost_broker_leaves_as_much_behind_as_the_first_which_is_nothing(house: House) -> None:
    """Five brokers die one after another; clients, tasks and sockets of the dead would add up."""
    await house.start()
    left = []
    for _ in range(5):
        await house.broker.kill()
        await house.broker.start()
        await house.tell(new_fact("ada"))
        await house.until_heard()
        await until(lambda: asyncio.sleep(0, house.hearing.is_assigned))
        left.append(sum("AIOKafkaClient" in repr(task) for task in asyncio.all_tasks()))
    assert max(left) <= 4, "one client each for relay, listener and the two that watch"


async def test_an_owner_accepts_facts_while_there_is_no_broker(house: House) -> None:
    await house.broker.kill()
    await house.start_teller()
    await house.tell_many(SUBJECTS, 10)
    await house.broker.start()
    await house.start_listener()
    await house.until_heard()


async def test_a_relay_without_a_broker_says_so(house: House) -> None:
    await house.broker.kill()
    await house.start_teller()

    async def says_so() -> bool:
        state = house.teller.readiness()
        return not state.is_ready and "Kafka" in state.reason

    await until(says_so)
    await house.broker.start()
    await until(lambda: asyncio.sleep(0, house.teller.readiness().is_ready))
