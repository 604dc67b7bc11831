"""The last facts of a stream never come by the topic, or the owner's history is another than the one that was heard."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from shared.runtime import faults
from shared.runtime.positions import rewind_tail

from .house import House, new_fact, until

LONG = 3_600.0


async def test_a_lost_tail_is_found_once_its_head_is_old_enough_and_not_before(house: House) -> None:
    await house.start_teller()
    await house.start_listener(tail_age_seconds=LONG)
    await house.tell_many(["ada", "bea"], 3)
    await house.until_heard()
    await house.until_caught_up()
    await house.lose(new_fact("ada"), new_fact("ada"))
    await house.until_looked(4)
    assert await house.positions() == {"ada": 3, "bea": 3}
    assert house.counts.lost_tails == 0
    house.listener_clock.ahead = timedelta(seconds=LONG + 60)
    await house.until_heard()
    await house.until_mended(1)


async def test_a_whole_stream_that_never_came_is_found(house: House) -> None:
    await house.start()
    await house.tell(new_fact("ada"))
    await house.until_heard()
    await house.until_caught_up()
    await house.lose(*(new_fact("bea") for _ in range(5)))
    await house.until_heard()
    await house.until_mended(1)


async def test_facts_that_lie_on_the_topic_still_are_not_called_lost(house: House) -> None:
    """The listener is stuck with its first batch; the heads grow old; what is on the topic was not read to its end."""
    await house.start()
    await house.tell(new_fact("ada"))
    await house.until_heard()
    await house.until_caught_up()  # else that waits for the batch that is stuck, and nobody looks
    release = asyncio.Event()
    stuck = asyncio.Event()

    async def stay() -> None:
        stuck.set()
        await release.wait()

    with faults.arm("consumer.ready", stay):
        await house.tell_many(["ada", "bea"], 5)
        await asyncio.wait_for(stuck.wait(), 30)
        house.listener_clock.ahead = timedelta(seconds=LONG)
        await house.until_looked(4)
        release.set()
    await house.until_heard()
    assert house.counts.lost_tails == 0


async def test_a_stream_that_never_rests_hides_no_lost_tail_of_another(house: House) -> None:
    await house.start()
    await house.tell_many(["ada", "busy"], 2)
    await house.until_heard()
    await house.lose(new_fact("ada"))

    async def keep_busy() -> None:
        while True:
            await house.tell(new_fact("busy"))
            await asyncio.sleep(0.01)

    busy = asyncio.create_task(keep_busy())

    async def is_mended() -> bool:
        return (await house.positions())["ada"] == 3

    await until(is_mended)
    busy.cancel()
    await asyncio.gather(busy, return_exceptions=True)
    await house.until_heard()


async def test_an_owner_whose_head_lies_behind_what_was_heard_parks_the_stream(house: House) -> None:
    """Five were heard; the owner forgot two and told one: its fact 4 looks like a duplicate, its head gives it away."""
    await house.start()
    await house.tell_many(["ada", "bea"], 5)
    await house.until_heard()
    await house.rewind_owner("ada", 3)
    await house.tell(new_fact("ada"))
    assert await house.until_parked("ada") == (5, "the owner's stream ends before what we have heard")
    await house.tell(new_fact("bea"))
    await until(lambda: reaches(house, "bea", 6))


async def test_another_fact_under_the_last_number_heard_parks_the_stream(house: House) -> None:
    await house.start()
    await house.tell_many(["ada", "bea"], 5)
    await house.until_heard()
    await house.rewind_owner("ada", 4)
    await house.tell(new_fact("ada"))
    number, reason = await house.until_parked("ada")
    assert number == 5
    assert reason.startswith("the owner ")
    await house.tell(new_fact("bea"))
    await until(lambda: reaches(house, "bea", 6))


async def test_a_head_of_another_id_parks_the_stream_though_its_fact_never_came(house: House) -> None:
    await house.start()
    await house.tell_many(["ada"], 5)
    await house.until_heard()
    await house.until_looked(3)
    async with house.teller_service.operator() as connection:
        await connection.execute("UPDATE backbone.facts SET fact_id = gen_random_uuid() WHERE number = 5")
        await connection.execute(
            """UPDATE backbone.streams s SET fact_id = f.fact_id FROM backbone.facts f
               WHERE (f.subject, f.number) = (s.subject, s.number)"""
        )
    async with house.listener_service.operator() as connection:
        await connection.execute("SET search_path = derived")
        await rewind_tail(connection, house.source.name)
    assert await house.until_parked("ada") == (5, "the owner has another fact under the last number we have heard")


async def test_a_gap_that_the_owner_denies_parks_the_stream_and_holds_no_other(house: House) -> None:
    """A fact 9 lies on the topic; the owner knows five. Its partition neighbour flows on."""
    ada, neighbour = house.subjects_together()
    await house.start()
    await house.tell_many([ada, neighbour], 5)
    await house.until_heard()
    (record, *_) = [one for one in await house.records() if one.key == ada.encode()]
    headers = {**dict(record.headers), "ce_sequence": b"9", "ce_id": b"01900000-0000-7000-8000-000000000009"}
    await house.produce_raw(record.value, list(headers.items()), key=ada.encode())
    assert await house.until_parked(ada) == (6, "the owner has no such fact, though it told a later one")
    await house.tell(new_fact(neighbour))
    await until(lambda: reaches(house, neighbour, 6))


async def reaches(house: House, subject: str, number: int) -> bool:
    return (await house.positions()).get(subject) == number
