"""Remembers what was sent, beside the answers and never in their way.

What is noted waits in memory for the next write, up to a bound. Beyond it, when the database is away, and when a write
fails again and again for a reason that nobody foresaw, it is dropped and counted. A process that is stopped writes it
first; one that dies takes along what it noted in its last second. So a delivery may be missing from the log; what it
brought is not.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Final, Protocol

from services.learning_events.domain.delivery import Delivery
from services.learning_events.handlers.ports import Reader
from shared.kernel.errors import Unavailable

WAITING_MAX: Final = 2_000
"""Deliveries in memory, about 2 MB of them without refused items."""
WAITING_BYTES_MAX: Final = 8 << 20
"""Of refused items in memory."""
WRITTEN_AT_ONCE: Final = 200
PAUSE_SECONDS: Final = 0.25
"""How late a delivery shows in the log."""
STOP_SECONDS: Final = 1.5
"""How long a stop may take to write what waits; what is left then is dropped and counted."""
TRIES_MAX: Final = 3
"""For one write that fails for a reason nobody foresaw: enough for what passes, and what does not holds up no other."""
_log = logging.getLogger(__name__)


class OpenDelivery(Protocol):
    """A delivery that nobody else changes meanwhile."""

    @property
    def delivery(self) -> Delivery:
        """What is kept of it."""
        ...

    async def keep(self, refused: bytes, resent_at: datetime | None) -> None:
        """Have its refused items be these. Durable when the context ends without an error."""
        ...


class Deliveries(Protocol):
    """The store of deliveries."""

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Keep these. Raises Unavailable."""
        ...

    async def find(self, reader: Reader, delivery_id: str) -> Delivery | None:
        """Return the delivery, with its refused items, if this reader may see it."""
        ...

    async def before(
        self, reader: Reader, delivery_id: str | None, limit: int, *, are_refused: bool = False
    ) -> list[Delivery]:
        """Return deliveries before this one, or the newest; newest first, without refused items.

        are_refused: only those of which something was refused.
        """
        ...

    def changing(self, reader: Reader, delivery_id: str) -> AbstractAsyncContextManager[OpenDelivery | None]:
        """Open the delivery, if there is one that this reader may see, once nobody else changes it."""
        ...

    async def erase(self, person: str) -> None:
        """Empty whatever may be about this person."""
        ...


class DeliveryLog:
    """Takes notes at once and writes them soon. dropped: told how many notes were lost."""

    def __init__(self, store: Deliveries, dropped: Callable[[int], None]) -> None:
        self._store = store
        self._dropped = dropped
        self._waiting: deque[Delivery] = deque()
        self._bytes = 0
        self._tries = 0
        self._noted = asyncio.Event()
        self._writing = asyncio.Lock()

    def note(self, one: Delivery) -> None:
        """Have the delivery written soon, or dropped and counted where too many wait."""
        size = len(one.refused or b"")
        if len(self._waiting) >= WAITING_MAX or self._bytes + size > WAITING_BYTES_MAX:
            self._dropped(1)
            return
        self._waiting.append(one)
        self._bytes += size
        self._noted.set()

    async def run(self) -> None:
        """Write what waits, for ever; cancelled, what waits then.

        Raises what a write failed with; begun again, it is tried again, TRIES_MAX times in all.
        """
        try:
            while True:
                await self._noted.wait()
                await asyncio.sleep(PAUSE_SECONDS)
                self._noted.clear()
                await self._write_all()
        except asyncio.CancelledError:
            await self._write_last()
            raise

    async def erase(self, person: str) -> None:
        """Have emptied whatever may be about this person, here and in the store."""
        async with self._writing:
            self._waiting = deque(replace(one, refused=None) for one in self._waiting)
            self._bytes = 0
            await self._store.erase(person)

    async def _write_last(self) -> None:
        try:
            await asyncio.wait_for(self._write_all(), STOP_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever it is, a stop is not held up by it
            _log.error("what was noted last of deliveries is not in their log", exc_info=error)
        if self._waiting:
            self._dropped(len(self._waiting))

    async def _write_all(self) -> None:
        while self._waiting:
            async with self._writing:
                await self._write()

    async def _write(self) -> None:
        """Write the oldest. They wait until that is done: whoever is cancelled meanwhile writes them once more."""
        batch = list(islice(self._waiting, WRITTEN_AT_ONCE))
        try:
            await self._store.add(batch)
        except Unavailable:
            self._dropped(len(batch))
        except Exception as error:
            self._tries += 1
            if self._tries < TRIES_MAX:
                self._noted.set()
                raise
            _log.error("deliveries were dropped from their log", extra={"count": len(batch)}, exc_info=error)
            self._dropped(len(batch))
        self._tries = 0
        for _ in batch:
            self._bytes -= len(self._waiting.popleft().refused or b"")
