"""Remembers what was sent, beside the answers and never in their way; and takes in once more what was mended.

What is noted waits in memory for the next write, up to a bound; beyond it, and when the database is away, it is dropped
and counted. So a delivery may be missing from the log; what it brought is not.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

from services.learning_events.domain.arrival import Writer
from services.learning_events.domain.batch import NewStatementId, validate_item
from services.learning_events.domain.delivery import Delivery, mended
from services.learning_events.domain.item_result import ItemResult
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.ports import Reader
from services.learning_events.handlers.publishing import Publishing
from shared.kernel.errors import NotFound, Unavailable

WAITING_MAX: Final = 2_000
"""Deliveries in memory, about 2 MB of them without refused items."""
WAITING_BYTES_MAX: Final = 8 << 20
"""Of refused items in memory."""
WRITTEN_AT_ONCE: Final = 200
PAUSE_SECONDS: Final = 0.25
"""How late a delivery shows in the log."""


class Deliveries(Protocol):
    """The store of deliveries."""

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Keep these. Raises Unavailable."""
        ...

    async def find(self, reader: Reader, delivery_id: str) -> Delivery | None:
        """Return the delivery, with its refused items, if this reader may see it."""
        ...

    async def before(self, reader: Reader, delivery_id: str | None, limit: int) -> list[Delivery]:
        """Return deliveries before this one, or the newest; newest first, without refused items."""
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
        self._noted = asyncio.Event()

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
        """Write what waits, for ever."""
        while True:
            await self._noted.wait()
            await asyncio.sleep(PAUSE_SECONDS)
            self._noted.clear()
            while self._waiting:
                await self._write()

    async def erase(self, person: str) -> None:
        """Have emptied whatever may be about this person, here and in the store."""
        self._waiting = deque(replace(one, refused=None) for one in self._waiting)
        self._bytes = 0
        await self._store.erase(person)

    async def _write(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(WRITTEN_AT_ONCE, len(self._waiting)))]
        self._bytes -= sum(len(one.refused or b"") for one in batch)
        try:
            await self._store.add(batch)
        except Unavailable:
            self._dropped(len(batch))


class Resending:
    """Shows what was delivered, and takes the refused statements of a delivery in once more."""

    def __init__(self, store: Deliveries, publishing: Publishing) -> None:
        self._store = store
        self._publishing = publishing

    async def page(self, reader: Reader, before: str | None, limit: int) -> list[Delivery]:
        """Return deliveries before this one, or the newest; newest first."""
        return await self._store.before(reader, before, limit)

    async def delivery(self, reader: Reader, delivery_id: str) -> Delivery:
        """Return the delivery. Raises NotFound."""
        found = await self._store.find(reader, delivery_id)
        if found is None:
            raise NotFound("There is no such delivery, none that is still kept, or none that this key may read.")
        return found

    async def resend(
        self,
        writer: Writer,
        one: Delivery,
        changes: Mapping[int, Any],
        version: XapiVersion,
        received_at: datetime,
        new_statement_id: NewStatementId,
    ) -> list[ItemResult]:
        """Have stored what is good now of a delivery's refused statements; each result has its item's first index.

        changes: the mended ones by index; the others go as they were sent. Raises Rejected, NotFound, Unavailable.
        """
        if one.refused is None:
            raise NotFound("Nothing of this delivery is kept to be sent again: its sender has it.")
        items = mended(json.loads(one.refused), changes)
        results = await self._publishing.publish(
            writer,
            [json.dumps(item, ensure_ascii=False).encode() for _, item in items],
            lambda item, index: validate_item(item, index, received_at, new_statement_id, version=version),
            received_at,
            version,
        )
        return [replace(result, index=items[result.index][0]) for result in results]
