"""Takes events of every format in, one by one: the good are kept, and each one's result comes back at its place.

They are stored STATEMENTS_MAX at a time, in their order. Each such part is durable before the next begins, and the
result is told at the end: where a part could not be stored, those before it stay. Whoever then sends everything again
gets duplicates for them, if the events have ids of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol, TypeVar

from services.learning_events.domain.arrival import Account, Kept, Outcome, Writer
from services.learning_events.domain.batch import STATEMENTS_MAX, ReceivedStatement, RefusedStatement
from services.learning_events.domain.derived import Reading, ReceivedEntity
from services.learning_events.domain.item_result import ItemResult, refused, taken
from services.learning_events.domain.original import Original, derived_id
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.ports import People, Reader
from services.learning_events.handlers.recording import CONFLICT_MEND, CONFLICT_RULE, Recording
from shared.kernel.errors import Fault

CONFLICT: Final = Fault("/id", CONFLICT_RULE, CONFLICT_MEND)
Item = TypeVar("Item")


class Originals(Protocol):
    """The store of what came in another form than that of a statement."""

    async def keep_entities(
        self, writer: Writer, entities: Sequence[ReceivedEntity], received_at: datetime, owners: Mapping[str, Account]
    ) -> set[str]:
        """Keep what was described, and return the ids of those that were not there before."""
        ...

    async def find(self, reader: Reader, event_id: str) -> Original | None:
        """Return what was sent, if it did not come as a statement and this reader may see it."""
        ...

    async def formats(self, organisation: str, ids: Sequence[str]) -> Mapping[str, str]:
        """Return the format of those of these events that did not come as statements."""
        ...

    async def standing(self, organisation: str, ids: Sequence[str]) -> Mapping[str, Kept]:
        """Return what stands under these ids."""
        ...

    async def known_entities(self, organisation: str, ids: Sequence[str]) -> set[str]:
        """Return those of the ids under which an entity is kept."""
        ...


class Publishing:
    """Takes events of every format in."""

    def __init__(self, recording: Recording, people: People, originals: Originals) -> None:
        self._recording = recording
        self._people = people
        self._originals = originals

    async def publish(
        self,
        writer: Writer,
        items: Sequence[Item],
        read: Callable[[Item, int], Reading],
        received_at: datetime,
        version: XapiVersion = XapiVersion.V2_0,
        *,
        is_large: bool = False,
    ) -> list[ItemResult]:
        """Have stored and told the good ones, and return what became of each, in order.

        read: returns what an item is; where they are large it runs in a thread. Raises Unavailable: parts before may be
        stored.
        """
        results: list[ItemResult] = []
        for start in range(0, len(items), STATEMENTS_MAX):
            if is_large:
                readings = await asyncio.to_thread(read_part, items, read, start)
            else:
                readings = read_part(items, read, start)
            results += await self.publish_part(writer, readings, received_at, version)
        return results

    async def publish_part(
        self,
        writer: Writer,
        readings: Sequence[Reading],
        received_at: datetime,
        version: XapiVersion = XapiVersion.V2_0,
    ) -> list[ItemResult]:
        """Do the same for at most STATEMENTS_MAX items that were read.

        Raises Unavailable: none of the statements was stored, or of the entities alone.
        """
        statements = [one for one in readings if isinstance(one, ReceivedStatement)]
        outcomes = await self._recording.record_each(writer, statements, version, received_at)
        results = [
            taken(one.index, outcome, one.event.statement_id, CONFLICT)
            for one, outcome in zip(statements, outcomes, strict=True)
        ]
        results += await self._keep(writer, entities_of(readings, writer), received_at)
        results += [refused(one) for one in readings if isinstance(one, RefusedStatement)]
        return sorted(results, key=lambda one: one.index)

    async def _keep(
        self, writer: Writer, entities: Sequence[ReceivedEntity], received_at: datetime
    ) -> list[ItemResult]:
        """Have kept what was described, with whom it is about, so that it is emptied when they are erased."""
        if not entities:
            return []
        owners = await self._people.resolve(writer.organisation, {one.owner for one in entities if one.owner})
        new = await self._originals.keep_entities(writer, entities, received_at, owners)
        results = []
        for one in entities:
            results.append(taken(one.index, Outcome.STORED if one.id in new else Outcome.DUPLICATE, one.id, CONFLICT))
            new.discard(one.id)
        return results


def read_part(items: Sequence[Item], read: Callable[[Item, int], Reading], start: int) -> list[Reading]:
    """Return what the next STATEMENTS_MAX items are."""
    return [read(item, index) for index, item in enumerate(items[start : start + STATEMENTS_MAX], start)]


def entities_of(readings: Sequence[Reading], writer: Writer) -> list[ReceivedEntity]:
    """Return the entities among these; a test key's stand under ids of their own, apart from the others."""
    entities = [one for one in readings if isinstance(one, ReceivedEntity)]
    return [replace(one, id=derived_id("test", one.id)) for one in entities] if writer.is_test else entities
