"""Every stated bound of the backbone: what lies at it passes, what lies one over it is refused."""

from __future__ import annotations

import pytest

from shared.events.fact import DATA_BYTES_MAX, SUBJECT_CHARACTERS_MAX, NewFact
from shared.kernel.errors import Broken, Rejected
from shared.kernel.ids import Subject, system_fact_id
from shared.runtime.positions import REASON_CHARACTERS_MAX
from shared.runtime.postgres import SUBJECTS_MAX
from shared.runtime.stream_store import HEADS_MAX, READ_MAX, SCAN_MAX, LogPosition

from .house import House, new_fact

pytestmark = pytest.mark.parametrize("broker", ["embedded"], indirect=True)


def fact_of(subject: str, data: bytes) -> NewFact:
    sample = new_fact("x")
    return NewFact(system_fact_id(), Subject(subject), sample.type, sample.occurred_at, None, data)


async def test_data_at_the_bound_are_told_and_heard_and_one_byte_more_is_refused(house: House) -> None:
    await house.start()
    sound = new_fact("ada").data
    await house.tell(fact_of("ada", sound + b" " * (DATA_BYTES_MAX - len(sound))))
    await house.until_heard()
    with pytest.raises(Rejected) as caught:
        fact_of("ada", b" " * (DATA_BYTES_MAX + 1))
    assert caught.value.faults[0].pointer == "/data"


async def test_a_subject_at_the_bound_is_told_and_heard_and_a_longer_or_empty_one_is_refused(house: House) -> None:
    await house.start()
    await house.tell(new_fact("\U0001f9d1" * SUBJECT_CHARACTERS_MAX))
    await house.until_heard()
    for subject in ("", "a" * (SUBJECT_CHARACTERS_MAX + 1)):
        with pytest.raises(Rejected) as caught:
            new_fact(subject)
        assert caught.value.faults[0].pointer == "/subject"


async def test_a_transaction_locks_so_many_subjects_and_no_more(house: House) -> None:
    await house.start()
    subjects = [f"person{number}" for number in range(SUBJECTS_MAX)]
    await house.tell(*map(new_fact, subjects))
    async with house.teller.door(None) as tx:
        await tx.lock(subjects[: SUBJECTS_MAX - 1])
        await tx.lock(subjects)
        with pytest.raises(Broken, match=str(SUBJECTS_MAX)):
            await tx.lock(["one more"])
    await house.until_heard()


async def test_pages_are_cut_at_their_bounds(house: House) -> None:
    async with house.silenced():
        for _ in range(3):
            await house.tell(*(new_fact("ada") for _ in range(READ_MAX)), *(new_fact("bea") for _ in range(READ_MAX)))
        store, pool = house.teller.feed_store()
        async with pool.acquire() as connection:
            facts, head = await store.read(connection, "ada", 0, 10 * READ_MAX)
            assert (len(facts), head) == (READ_MAX, 3 * READ_MAX)
            scanned, _ = await store.scan(connection, LogPosition(), 10 * SCAN_MAX)
            assert len(scanned) == SCAN_MAX
            assert len((await store.heads(connection, LogPosition(), 10 * HEADS_MAX)).heads) == 2


async def test_a_long_reason_is_cut(house: House) -> None:
    house.effect.broken_reason = "because " * REASON_CHARACTERS_MAX
    await house.start()
    await house.tell(new_fact("ada", "broken"))
    _, reason = await house.until_parked("ada")
    assert len(reason) == REASON_CHARACTERS_MAX


async def test_a_batch_of_more_facts_than_a_transaction_takes_is_applied_in_several(house: House) -> None:
    async with house.silenced():
        for _ in range(4):
            await house.tell(*(new_fact(f"person{number}") for number in range(400)))
        await house.start_listener()
        facts = [fact async for page, _ in house.feed.scan(house.source.name, LogPosition()) for fact in page]
        for _ in range(2):
            assert await house.consumer.apply(facts) == frozenset()
    assert sum((await house.positions()).values()) == 1_600
    assert house.effect.calls >= 4
    assert house.counts.duplicates == 1_600
