"""What a platform's developer watches: events as they are taken, deliveries as they are refused.

Nothing is kept for who watches: each look asks the stores for what came behind a place, so that whoever is slow or was
away goes on where they were. Of the log a look stops SETTLED short of now, because its rows are written a little late.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from services.learning_events.domain.delivery import Delivery
from services.learning_events.domain.served import StoredStatement
from services.learning_events.handlers.originals import OriginalReading
from services.learning_events.handlers.ports import Reader
from services.learning_events.handlers.reading import Reading

SETTLED: Final = timedelta(seconds=1)
SEEN_AT_ONCE: Final = 100


class RefusedDeliveries(Protocol):
    """The log, as far as it tells refusals."""

    async def refused_between(self, reader: Reader, after: str, before: str, limit: int) -> list[Delivery]:
        """Return deliveries with something refused, by id, between these two ids; without their items."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where somebody has seen: a position among events, and the id of a delivery or of a moment."""

    events: tuple[int, int, int]
    delivery: str


@dataclass(frozen=True, slots=True)
class Look:
    """What came behind a place, and the place behind it. formats: of what did not come as a statement, by id."""

    accepted: Sequence[StoredStatement]
    formats: Mapping[str, str]
    refused: Sequence[Delivery]
    place: Place


class Inspecting:
    """Looks behind places."""

    def __init__(self, reading: Reading, originals: OriginalReading, deliveries: RefusedDeliveries) -> None:
        self._reading = reading
        self._originals = originals
        self._deliveries = deliveries

    async def now(self, reader: Reader, now: datetime) -> Place:
        """Return the place behind everything that is there."""
        newest = await self._reading.arrivals(reader, None, 1)
        return Place(newest.position, moment(now - SETTLED))

    async def look(self, reader: Reader, place: Place, now: datetime) -> Look:
        """Return what came behind the place, at most SEEN_AT_ONCE of each kind. Raises Unavailable."""
        page = await self._reading.arrivals(reader, place.events, SEEN_AT_ONCE)
        formats = await self._originals.formats(reader, page) if page.statements else {}
        settled = moment(now - SETTLED)
        refused: list[Delivery] = []
        if place.delivery < settled:
            refused = await self._deliveries.refused_between(reader, place.delivery, settled, SEEN_AT_ONCE)
        delivery = refused[-1].id if len(refused) == SEEN_AT_ONCE else max(place.delivery, settled)
        return Look(page.statements, formats, refused, Place(page.position, delivery))


def moment(at: datetime) -> str:
    """Return the id before those of all deliveries noted at this moment or later (RFC 9562 §5.7)."""
    return str(uuid.UUID(int=round(at.timestamp() * 1000) << 80))
