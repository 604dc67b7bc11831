"""Facts enter the record: in the transaction in which they are heard, so exactly once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.record_log.domain.opening import StreamState
from services.record_log.domain.recording import Grown, StreamId, Told, grow, streams_needed
from shared.events.identity import PersonMerged, PersonSplit
from shared.kernel.ids import PersonId, RandomBytes


class Streams(Protocol):
    """The streams, in one open transaction that holds the locks of their persons."""

    async def load(self, streams: Collection[StreamId]) -> Mapping[StreamId, StreamState]:
        """Return the state of each of `streams` that exists."""
        ...

    async def save(self, grown: Sequence[Grown]) -> None:
        """Store what the streams grew by; their heads wait for a place in the log."""
        ...

    async def note_alias(self, alias: PersonId, canonical: PersonId | None) -> None:
        """Have `alias` known as another's id, or as nobody's but its own."""
        ...

    async def note_erasure(self, person: PersonId, source: str, through: int) -> None:
        """Have no fact of this stream up to `through` opened any more; what opens them is destroyed afterwards."""
        ...


async def record_facts(streams: Streams, facts: Sequence[Told], at: datetime, random_bytes: RandomBytes) -> None:
    """Store `facts` in the record, in this order within each stream. Not checked: whether one was stored before."""
    if facts:
        known = await streams.load(streams_needed(facts))
        await streams.save(grow(known, facts, at, random_bytes))


async def follow_person(streams: Streams, subject: PersonId, event: PersonMerged | PersonSplit) -> None:
    """Note who is known as whom. Merges are told in two streams; the alias's own decides, for it has an order."""
    if subject == event.alias:
        canonical = PersonId(event.canonical) if isinstance(event, PersonMerged) else None
        await streams.note_alias(subject, canonical)
