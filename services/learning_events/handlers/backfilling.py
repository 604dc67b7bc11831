"""Has statements found that were stored before there was an index of what they are found by; once, then it is done."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from shared.kernel.clock import Clock

PAUSE_SECONDS_MIN: Final = 0.01
"""The least pause behind a step; else as long as the step took, so that at most half of one connection is busy."""
LOOK_SECONDS: Final = 3_600.0
"""How often it is looked whether there is something left, which only an upgrade or a restore brings."""


class Backfill(Protocol):
    """The index, as far as it is not filled."""

    async def fill_some(self) -> bool:
        """Have some more statements found, and say whether all are. A transaction; what is done stays done."""
        ...


class Backfilling:
    """The loop that fills the index."""

    def __init__(self, backfill: Backfill, clock: Clock) -> None:
        self._backfill = backfill
        self._clock = clock

    async def run(self) -> None:
        """Fill, and look again, for ever. Raises Unavailable when the database is away; begun again it goes on."""
        while True:
            await self.once()
            await asyncio.sleep(LOOK_SECONDS)

    async def once(self) -> None:
        """Have every statement found."""
        is_filled = False
        while not is_filled:
            begun_at = self._clock.monotonic()
            is_filled = await self._backfill.fill_some()
            await asyncio.sleep(max(PAUSE_SECONDS_MIN, self._clock.monotonic() - begun_at))
