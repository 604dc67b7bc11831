"""Writers compete for streams; the log, the relay and the topic keep every stream in its order."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence

import pytest

from shared.events.fact import Fact
from shared.kernel.errors import Broken
from shared.runtime.postgres import Transaction, subject_key
from shared.runtime.stream_store import LogPosition

from .house import House, new_fact

WRITERS = 8
SUBJECTS = tuple(f"person{number}" for number in range(6))


async def write_state(tx: Transaction, subjects: Sequence[str]) -> None:
    for subject in sorted(subjects):
        await tx.connection.execute(
            """INSERT INTO tallies VALUES ($1, 1)
               ON CONFLICT (subject) DO UPDATE SET count = tallies.count + 1""",
            subject,
        )


async def test_eight_writers_that_write_state_before_they_lock_are_all_refused(house: House) -> None:
    await house.start_teller()

    async def write_then_lock(number: int) -> None:
        async with house.teller.door(None) as tx:
            await write_state(tx, [f"own{number}"])
            await tx.lock([SUBJECTS[0]])

    outcomes = await asyncio.gather(*map(write_then_lock, range(WRITERS)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Broken] * WRITERS
    assert await house.told() == {}


async def test_a_subject_that_is_not_locked_cannot_be_told_of(house: House) -> None:
    await house.start_teller()
    async with house.teller.door(None) as tx:
        await tx.lock(["ada"])
        with pytest.raises(Broken, match="not locked"):
            await house.teller.store.append(tx, [new_fact("bea")])
    assert await house.told() == {}


async def test_without_the_rule_a_later_fact_stands_before_an_earlier_one(house: House) -> None:
    """Early takes its transaction id; late takes one, locks and commits number 1; early locks and commits number 2."""
    await house.start_teller()
    async with house.teller.door(None) as early:
        await write_state(early, ["early"])
        async with house.teller.door(None) as late:
            await late.lock(["ada"])
            await house.teller.store.append(late, [new_fact("ada", "first")])
        # What Transaction.lock refuses to do.
        await early.connection.execute("SELECT pg_advisory_xact_lock($1)", subject_key("ada"))
        early._locked.add("ada")
        await house.teller.store.append(early, [new_fact("ada", "second")])
    async with house.teller.reading() as connection:
        facts, _ = await house.teller.store.scan(connection, LogPosition(), 10)
    assert [fact.number for fact in facts] == [2, 1]


async def test_no_number_is_out_of_order_on_the_topic_when_eight_writers_compete(
    house: House, rng: random.Random
) -> None:
    await house.start()

    async def write(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(25):
            subjects = chance.sample(SUBJECTS, chance.randint(1, 4))
            async with house.teller.door(None) as tx:
                await tx.lock(subjects)
                await write_state(tx, subjects)
                await asyncio.sleep(chance.random() * 0.003)
                await house.teller.store.append(tx, [new_fact(subject) for subject in subjects for _ in range(2)])

    await asyncio.gather(*(write(rng.randrange(2**32)) for _ in range(WRITERS)))
    await house.until_heard()
    told = await house.told()
    assert numbers_by_subject(await house.facts_on_topic()) == {
        subject: list(range(1, head + 1)) for subject, head in told.items()
    }
    async with house.teller_service.operator() as connection:
        counted = dict(await connection.fetch("SELECT subject, count FROM tallies"))
    assert told == {subject: 2 * count for subject, count in counted.items()}


def numbers_by_subject(facts: Sequence[Fact]) -> dict[str, list[int]]:
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for fact in facts:
        numbers[fact.subject].append(fact.number)
    return dict(numbers)
