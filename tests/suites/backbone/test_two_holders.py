"""Two processes of one service hold the same partition, or pass partitions to one another, and apply a fact once."""

from __future__ import annotations

import asyncio

import pytest

from shared.runtime import faults

from .conftest import ON_KAFKA
from .house import House, new_fact, until


async def test_two_that_read_one_batch_before_either_applies_it_apply_it_once(house: House) -> None:
    """Both read positions and decode; only when both have is either let on to its transaction."""
    await house.start_teller()
    await house.start_listener(is_embedded=True)
    other = await house.second_listener()
    assert other.hearing is not None
    both = asyncio.Barrier(2)
    meetings: list[int] = []

    async def meet() -> None:
        try:
            async with asyncio.timeout(2):
                meetings.append(await both.wait())
        except (TimeoutError, asyncio.BrokenBarrierError):
            await both.reset()

    with faults.arm("consumer.ready", meet):
        for _ in range(10):
            await house.tell_many(["ada", "bea", "cyd"], 5)
        await house.until_heard()
    assert meetings, "the two never held one batch at once"
    assert other.consumer is not None

    async def both_have_read_all() -> bool:
        assert other.consumer is not None
        counts = (house.counts, other.consumer.counts[house.source.name])
        return sum(one.applied + one.duplicates for one in counts) >= 2 * 150

    await until(both_have_read_all)
    assert house.counts.applied + other.consumer.counts[house.source.name].applied == 150


@ON_KAFKA
async def test_facts_flow_while_a_member_joins_and_while_one_leaves(house: House) -> None:
    await house.start()
    await house.tell_many(["ada", "bea", "cyd", "dot"], 10)
    await house.until_heard()
    other = await house.second_listener()
    assert other.hearing is not None
    hearing = other.hearing
    for _ in range(10):
        await house.tell_many(["ada", "bea", "cyd", "dot"], 2)
    await until(lambda: asyncio.sleep(0, hearing.is_assigned))
    await house.until_heard()
    await house.stop(house.listener)
    await house.tell(new_fact("ada"), new_fact("eve"))
    await house.until_heard()


async def test_only_one_relay_leads_and_the_other_takes_over(house: House) -> None:
    await house.start()
    first = house.teller
    assert first.relay is not None
    first_relay = first.relay
    await until(lambda: asyncio.sleep(0, first_relay.is_leading))
    await house.start_teller()
    second_relay = house.teller.relay
    assert second_relay is not None
    await house.tell_many(["ada", "bea"], 5)
    await house.until_heard()
    assert (first_relay.is_leading, second_relay.is_leading) == (True, False)
    await house.stop(first)
    await until(lambda: asyncio.sleep(0, second_relay.is_leading))
    assert not first_relay.is_leading
    await house.tell_many(["ada", "bea"], 5)
    await house.until_heard()


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_a_restarted_listener_of_the_embedded_broker_waits_for_no_group(house: House) -> None:
    """A group would need half a session to come together, here a minute's half."""
    await house.start_teller()
    await house.start_listener(session_timeout_ms=60_000)
    for _ in range(3):
        await house.tell_many(["ada", "bea"], 5)
        await until(house.has_heard_all, 20)
        await house.stop(house.listener)
        await house.start_listener()
