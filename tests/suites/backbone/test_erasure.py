"""The data of a person's facts are erased; numbers stay, listeners advance, and live state equals a rebuild."""

from __future__ import annotations

from shared.events.fact import Fact
from shared.kernel.ids import system_fact_id

from .house import House, new_fact, until


async def erase(house: House, subject: str) -> Fact:
    async with house.teller.backbone() as tx:
        await tx.lock([subject])
        return await house.teller.store.erase(tx, subject, system_fact_id())


async def until_level(house: House) -> None:
    async def is_level() -> bool:
        return await house.positions() == await house.told()

    await until(is_level)


async def test_what_was_derived_from_erased_facts_is_gone_and_equals_a_rebuild(house: House) -> None:
    await house.start()
    await house.tell_many(["ada", "bea"], 4)
    await house.tell(new_fact("ada", "unusable"))
    await until_level(house)
    told = await erase(house, "ada")
    assert told.number == 6
    await house.tell(new_fact("ada"))
    await until_level(house)
    assert await house.folded() == {"ada": [7], "bea": [1, 2, 3, 4]}
    assert await house.listener.dead_letters().list(10) == []
    progress = await house.rebuild(is_check_only=True)
    assert progress.live_digest == progress.rebuilt_digest


async def test_the_owner_serves_erased_facts_with_number_id_and_type_and_no_data(house: House) -> None:
    await house.start_teller()
    before = await house.tell(*(new_fact("ada") for _ in range(3)))
    last = await erase(house, "ada")
    facts, head = await house.feed.read(house.source.name, "ada", 0, 10)
    assert head == 4
    assert [(fact.number, fact.id, fact.type) for fact in facts[:3]] == [
        (fact.number, fact.id, fact.type) for fact in before
    ]
    assert [fact.data for fact in facts[:3]] == [None, None, None]
    assert facts[3] == last


async def test_a_listener_that_comes_after_the_erasure_advances_over_it(house: House) -> None:
    async with house.silenced():
        await house.tell_many(["ada", "bea"], 4)
        await erase(house, "ada")
        await house.tell(new_fact("ada"))
    await house.start_listener()
    await until_level(house)
    assert await house.folded() == {"ada": [6], "bea": [1, 2, 3, 4]}
    data = {(str(fact.subject), fact.number): fact.data for fact in await house.facts_on_topic()}
    assert [data["ada", number] for number in (1, 2, 3, 4)] == [None] * 4


async def test_a_stream_may_be_erased_twice(house: House) -> None:
    await house.start()
    await house.tell_many(["ada"], 2)
    await erase(house, "ada")
    await house.tell_many(["ada"], 2)
    await erase(house, "ada")
    await until_level(house)
    assert await house.folded() == {}
    assert await house.parked() == {}
    progress = await house.rebuild(is_check_only=False)
    assert progress.live_digest == progress.rebuilt_digest
    assert await house.parked() == {}


async def test_a_stream_parked_at_a_fact_flows_once_that_fact_is_erased(house: House) -> None:
    await house.start()
    await house.tell(new_fact("ada"), new_fact("ada", "broken"), new_fact("ada"))
    await house.until_parked("ada")
    await erase(house, "ada")
    result = await house.listener.dead_letters().redrive(house.source.name, "ada")
    assert (result.applied, result.is_parked) == (3, False)
    assert await house.folded() == {}


async def test_an_erasure_of_nothing_is_the_first_fact_of_its_stream(house: House) -> None:
    await house.start()
    assert (await erase(house, "nobody")).number == 1
    await until_level(house)
