"""Requests that wait together go together, in bounds, and none bears another one's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from services.learning_events.handlers.joining import RUNS_MAX, Joiner
from shared.kernel.errors import Rejected, Unavailable

ITEMS_MAX = 10


class Runs:
    """Doubles each member once it is let go; remembers what went together."""

    def __init__(self) -> None:
        self.runs: list[list[int]] = []
        self.gate = asyncio.Event()
        self.under_way = self.most = 0
        self.error: Exception | None = None
        self.refused: set[int] = set()

    async def __call__(self, members: Sequence[int]) -> list[int]:
        self.runs.append(list(members))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        if self.error is not None:
            raise self.error
        if not self.refused.isdisjoint(members):
            raise Rejected("one of them is refused")
        return [2 * member for member in members]


async def begun(adding: Coroutine[Any, Any, int]) -> asyncio.Future[int]:
    """Return what adds a member, once it has been added and a run that it may have begun is under way."""
    waiting = asyncio.ensure_future(adding)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return waiting


async def asked(runs: Runs, members: Sequence[int], group: str = "g") -> list[int | BaseException]:
    """Add the members one after another, let the runs go, and return the answers."""
    joiner: Joiner[int, int] = Joiner(runs, lambda member: member, ITEMS_MAX)
    waiting = [await begun(joiner.add(group, member)) for member in members]
    runs.gate.set()
    async with asyncio.timeout(5):
        return await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_member_alone_goes_at_once() -> None:
    runs = Runs()
    assert await asked(runs, [3]) == [6]
    assert runs.runs == [[3]]


async def test_members_that_wait_go_together_in_their_order_and_each_gets_its_own_answer() -> None:
    runs = Runs()
    assert await asked(runs, [1, 2, 3, 4]) == [2, 4, 6, 8]
    assert runs.runs == [[1], [2], [3, 4]]
    assert runs.most == RUNS_MAX


async def test_a_run_takes_no_more_items_than_its_bound_unless_one_member_has_more() -> None:
    runs = Runs()
    await asked(runs, [1, 1, 6, 4, 1, 12, 9])
    assert runs.runs[2:] == [[6, 4], [1], [12], [9]]


async def test_who_is_refused_is_refused_alone() -> None:
    runs = Runs()
    runs.refused = {4}
    answers = await asked(runs, [1, 2, 3, 4, 3])
    assert [isinstance(answer, Rejected) for answer in answers] == [False, False, False, True, False]
    assert [answer for answer in answers if isinstance(answer, int)] == [2, 4, 6, 6]
    assert runs.runs[2:] == [[3, 4, 3], [3], [4], [3]]


async def test_an_outage_is_told_to_all_at_once_and_later_members_are_run() -> None:
    runs = Runs()
    runs.error = Unavailable("away")
    answers = await asked(runs, [1, 2, 3, 4])
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert len(runs.runs) == 3
    runs.error = None
    assert await asked(runs, [5]) == [10]


async def test_groups_do_not_wait_for_each_other_and_leave_nothing_behind() -> None:
    runs = Runs()
    joiner: Joiner[int, int] = Joiner(runs, lambda member: member, ITEMS_MAX)
    waiting = [await begun(joiner.add(group, 1)) for group in range(5)]
    assert len(runs.runs) == 5
    runs.gate.set()
    await asyncio.gather(*waiting)
    await asyncio.sleep(0)
    assert joiner._groups == {}


async def test_a_caller_that_goes_away_takes_nothing_from_the_others() -> None:
    runs = Runs()
    joiner: Joiner[int, int] = Joiner(runs, lambda member: member, ITEMS_MAX)
    waiting = [await begun(joiner.add("g", member)) for member in (1, 2, 3, 4)]
    waiting[2].cancel()
    runs.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting[2]
    assert [await one for one in (waiting[0], waiting[1], waiting[3])] == [2, 4, 8]


async def test_when_the_runs_are_stopped_nobody_waits_for_ever() -> None:
    runs = Runs()
    joiner: Joiner[int, int] = Joiner(runs, lambda member: member, ITEMS_MAX)
    waiting = [await begun(joiner.add("g", member)) for member in (1, 2, 3, 4)]
    for task in list(joiner._tasks):
        task.cancel()
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers)


async def test_a_few_items_wait_for_a_small_run_and_then_for_those_it_answered() -> None:
    runs = Runs()
    joiner: Joiner[int, int] = Joiner(runs, lambda member: 1, ITEMS_MAX, few=5)

    async def sends(member: int) -> list[int]:
        return [await joiner.add("g", member + 10 * again) for again in range(3)]

    waiting = [asyncio.ensure_future(sends(1))]
    await asyncio.sleep(0.01)
    waiting += [asyncio.ensure_future(sends(member)) for member in (2, 3, 4)]
    await asyncio.sleep(0.01)
    assert runs.runs == [[1]]
    runs.gate.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    assert runs.runs == [[1], [2, 3, 4, 11], [12, 13, 14, 21], [22, 23, 24]]


async def test_many_items_and_those_behind_many_wait_for_nothing() -> None:
    runs = Runs()
    joiner: Joiner[int, int] = Joiner(runs, lambda member: member, ITEMS_MAX, few=5)
    waiting = [await begun(joiner.add("g", member)) for member in (1, 4, 1)]
    assert runs.runs == [[1], [4, 1]]
    waiting += [await begun(joiner.add("h", member)) for member in (5, 1)]
    assert runs.runs[2:] == [[5], [1]]
    runs.gate.set()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*waiting) == [2, 8, 2, 10, 2]
