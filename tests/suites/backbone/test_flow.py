"""Facts flow from stream to stream, in the order of their stream, once."""

from __future__ import annotations

from .house import House, new_fact


async def test_facts_told_before_the_listener_came_are_heard(house: House) -> None:
    await house.start_teller()
    await house.tell_many(["ada", "bea", "cyd"], 40)
    await house.start_listener()
    await house.until_heard()


async def test_facts_told_while_it_listens_are_heard(house: House) -> None:
    await house.start()
    for _ in range(5):
        await house.tell_many(["ada", "bea", "cyd"], 20)
    await house.until_heard()
    assert house.counts.parked == 0


async def test_a_stopped_listener_goes_on_where_it_was(house: House) -> None:
    await house.start()
    await house.tell_many(["ada", "bea"], 10)
    await house.until_heard()
    await house.stop(house.listener)
    await house.tell_many(["ada", "bea"], 10)
    await house.start_listener()
    await house.until_heard()


async def test_a_fact_comes_with_all_it_was_told_with(house: House) -> None:
    await house.start_teller()
    (told,) = await house.tell(new_fact("ada", organisation=None))
    await house.start_listener()
    await house.until_heard()
    assert await house.facts_on_topic() == [told]
