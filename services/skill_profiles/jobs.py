"""Background work: noticing that the log of changes moved and that streams parked, and emptying what must be erased."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from services.skill_profiles.domain.places import LogPlace
from services.skill_profiles.store.changes import PostgresChanges
from services.skill_profiles.store.erasures import PostgresErasures
from shared.kernel.ids import FactId

POLL_SECONDS_MIN: Final = 0.005
"""After a nudge: what just committed may lie beyond the horizon yet, so the first look may come too early."""
POLL_SECONDS_MAX: Final = 0.1
"""While nothing moves: how late a change is seen that another process applied."""
PARKED_SECONDS: Final = 1.0
"""How often parked streams are looked for."""
ERASURE_SECONDS: Final = 1.0
"""How late an erasure is noticed."""


class ChangeWatch:
    """Looks at the end of the log for all followers of this process together; not at all while there are none."""

    def __init__(self, changes: PostgresChanges) -> None:
        self._changes = changes
        self._end = LogPlace()
        self._moves = 0
        self._moved = asyncio.Event()
        self._nudged = asyncio.Event()
        self._waiting = 0

    def nudge(self) -> None:
        """Have the log looked at soon, and often for a while."""
        self._nudged.set()

    def mark(self) -> int:
        """Return how often the log has moved."""
        return self._moves

    async def wait(self, mark: int, seconds: float) -> None:
        """Return once the log has moved since `mark`, or after so many seconds."""
        if self._moves != mark:
            return
        self._waiting += 1
        if self._waiting == 1:
            self.nudge()
        try:
            async with asyncio.timeout(seconds):
                await self._moved.wait()
        except TimeoutError:
            return
        finally:
            self._waiting -= 1

    async def run(self) -> None:
        """Look at the log for ever; the work of a `background.Task`. Raises Unavailable when Postgres is away."""
        pause_seconds = POLL_SECONDS_MIN
        while True:
            end = await self._changes.end() if self._waiting else self._end
            if end != self._end:
                self._end = end
                self._tell()
                pause_seconds = POLL_SECONDS_MIN
            if await self._paused(pause_seconds if self._waiting else None):
                pause_seconds = POLL_SECONDS_MIN
            else:
                pause_seconds = min(2 * pause_seconds, POLL_SECONDS_MAX)

    def _tell(self) -> None:
        self._moves += 1
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def _paused(self, seconds: float | None) -> bool:
        """Wait so long, or for a nudge; say whether one came."""
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            return False
        self._nudged.clear()
        await asyncio.sleep(POLL_SECONDS_MIN)
        return True


async def watch_parked(changes: PostgresChanges, watch: ChangeWatch) -> None:
    """Have followers told, for ever, of records that close because a stream parked, and of those that open again."""
    while True:
        if await changes.mark_parked():
            watch.nudge()
        await asyncio.sleep(PARKED_SECONDS)


async def empty_erased(erasures: PostgresErasures, new_fact_id: Callable[[], FactId]) -> None:
    """Have what was told of people whom identity erased emptied, for ever. Raises Unavailable when Postgres is away."""
    while True:
        if not await erasures.carry_out(new_fact_id):
            await asyncio.sleep(ERASURE_SECONDS)
