"""Background work of learning_events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from services.learning_events.store.erasures import PostgresErasures

ERASURES_AT_ONCE: Final = 100
IDLE_SECONDS: Final = 1.0
"""How late an erasure is seen that another process heard of."""


class Erasing:
    """The loop that empties the statements of whom identity has erased. erase: empties one person's, and may repeat."""

    def __init__(self, erasures: PostgresErasures, erase: Callable[[str], Awaitable[None]]) -> None:
        self._erasures = erasures
        self._erase = erase
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Have it look for work at once."""
        self._nudged.set()

    async def run(self) -> None:
        """Erase whoever is due, for ever. Raises Unavailable when the database is away."""
        while True:
            self._nudged.clear()
            due = await self._erasures.due(ERASURES_AT_ONCE)
            for person in due:
                await self._erase(person)
                await self._erasures.done(person)
            if not due:
                try:
                    await asyncio.wait_for(self._nudged.wait(), IDLE_SECONDS)
                except TimeoutError:
                    continue
