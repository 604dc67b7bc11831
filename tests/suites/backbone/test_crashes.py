"""Relay and consumer end at the worst moments: between what they did and the note that they did it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.embedded.logs import log_tail
from shared.runtime import faults
from shared.runtime.consumer import ALONE_PAUSES_SECONDS

from .child import start_child
from .house import House, new_fact, until

POINTS = ["relay.produced", "consumer.ready", "consumer.applied", "consumer.committed"]


class Crashed(Exception):
    """What a test throws at a point."""


@contextmanager
def crashing(point: str, times: int = 1) -> Iterator[list[int]]:
    """The point fails the first `times` it is passed; the list holds a number for each."""
    crashes: list[int] = []

    async def crash() -> None:
        if len(crashes) < times:
            crashes.append(len(crashes))
            raise Crashed(point)

    with faults.arm(point, crash):
        yield crashes


@pytest.mark.parametrize("point", POINTS)
async def test_an_error_there_loses_nothing_and_applies_once(house: House, point: str) -> None:
    await house.start()
    await house.tell_many(["ada", "bea"], 5)
    await house.until_heard()
    with crashing(point, times=2) as crashes:
        await house.tell_many(["ada", "bea", "cyd"], 20)
        await until(lambda: asyncio.sleep(0, len(crashes) == 2))
    await house.until_heard()
    assert await house.parked() == {}


async def test_a_fact_that_fails_by_itself_for_a_moment_parks_nothing(house: House) -> None:
    await house.start()
    with crashing("consumer.ready", times=len(ALONE_PAUSES_SECONDS)) as crashes:
        await house.tell_many(["ada"], 1)
        await until(lambda: asyncio.sleep(0, len(crashes) == len(ALONE_PAUSES_SECONDS)))
    await house.until_heard()
    assert await house.parked() == {}


async def test_a_fact_that_fails_by_itself_every_time_parks_its_stream(house: House) -> None:
    """A bug fails the same fact however it comes: in a batch, by itself, from the topic or from its owner's log."""
    await house.start()
    await house.tell(new_fact("ada", "bug"))
    number, reason = await house.until_parked("ada")
    assert number == 1
    assert reason.startswith("LookupError in ")
    assert house.effect.calls > len(ALONE_PAUSES_SECONDS)


@pytest.mark.parametrize("point", POINTS)
async def test_being_stopped_there_loses_nothing_and_applies_once(house: House, point: str) -> None:
    await house.start()
    reached = asyncio.Event()

    async def stay() -> None:
        reached.set()
        await asyncio.Event().wait()

    with faults.arm(point, stay):
        await house.tell_many(["ada", "bea"], 20)
        await asyncio.wait_for(reached.wait(), 30)
        await house.stop(house.teller if point.startswith("relay") else house.listener)
    await (house.start_teller() if point.startswith("relay") else house.start_listener())
    await house.tell_many(["ada", "cyd"], 5)
    await house.until_heard()


@pytest.mark.parametrize("point", [f"{point}:{hit}" for point in POINTS for hit in (1, 3)])
async def test_a_process_that_ends_there_loses_nothing_and_applies_once(
    house: House, child_log: Path, point: str
) -> None:
    child = start_child(house, point, child_log)
    try:
        assert await child.exited(45), "the child did not reach the point"
        assert child.exit_code == faults.EXIT_CODE, log_tail(child_log)
    finally:
        await child.end()
    await house.start()
    await house.tell(new_fact("ada"))
    await house.until_heard()


async def test_facts_produced_twice_are_counted_and_applied_once(house: House) -> None:
    await house.start_teller()
    with crashing("relay.produced"):
        await house.tell_many(["ada", "bea"], 10)

        async def lies_twice() -> bool:
            facts = Counter((str(fact.subject), fact.number) for fact in await house.facts_on_topic())
            return facts["ada", 1] == 2 and facts["ada", 10] >= 1

        await until(lies_twice)
    # It reads from the topic alone: everything it would catch up with is there, once or twice.
    await house.start_listener()
    await house.until_heard()

    async def has_counted() -> bool:
        return house.counts.duplicates > 0

    await until(has_counted)
