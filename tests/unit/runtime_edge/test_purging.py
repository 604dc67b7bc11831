"""Purging takes full steps one after the other, rests when little is left, and ends when it is cancelled."""

from __future__ import annotations

import asyncio

import pytest

from shared.runtime.purging import PURGE_ROWS_MAX, keep_purging


class Rows:
    """Rows that are due, and how many went in each step; `have_rested` once two steps found none."""

    def __init__(self, due: int) -> None:
        self.due = due
        self.steps: list[int] = []
        self.are_gone, self.have_rested = asyncio.Event(), asyncio.Event()

    async def purge(self) -> int:
        await asyncio.sleep(0)
        gone = min(self.due, PURGE_ROWS_MAX)
        self.due -= gone
        self.steps.append(gone)
        if not self.due:
            self.are_gone.set()
        if self.steps.count(0) == 2:
            self.have_rested.set()
        return gone


async def cancelled(purging: asyncio.Task[None]) -> None:
    purging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(purging, 5)


async def test_full_steps_follow_each_other_and_what_is_not_full_is_followed_by_a_rest() -> None:
    rows = Rows(2 * PURGE_ROWS_MAX + 1)
    purging = asyncio.create_task(keep_purging(rows.purge, interval_seconds=60))
    await asyncio.wait_for(rows.are_gone.wait(), 5)
    for _ in range(10):
        await asyncio.sleep(0)
    assert rows.steps == [PURGE_ROWS_MAX, PURGE_ROWS_MAX, 1]
    await cancelled(purging)


async def test_after_each_rest_it_looks_again() -> None:
    rows = Rows(0)
    purging = asyncio.create_task(keep_purging(rows.purge, interval_seconds=0.001))
    await asyncio.wait_for(rows.have_rested.wait(), 5)
    await cancelled(purging)
