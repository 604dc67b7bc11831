"""What a service could not use: parked streams and facts set aside; and how an operator sets a stream flowing again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from shared.events.fact import Fact
from shared.kernel.errors import Conflict, NotFound
from shared.kernel.ids import Subject
from shared.runtime.consumer import Consumer
from shared.runtime.positions import NOWHERE, StreamKey, read_positions, rewind_tail, skip_fact, unpark
from shared.runtime.postgres import Connection, reading
from shared.runtime.stream_rules import Position
from shared.runtime.stream_store import READ_MAX
from shared.runtime.tails import BEHIND, OTHER_ID

LIST_MAX: Final = 500

_LIST: Final = """
SELECT 'parked' AS kind, source, subject, parked_number AS number, '' AS fact_id, '' AS type,
       parked_reason AS reason, parked_since AS since FROM positions WHERE parked_number IS NOT NULL
UNION ALL
SELECT 'set-aside', source, subject, number, fact_id::text, type, reason, recorded_at FROM set_aside
ORDER BY kind, since, source, subject, number LIMIT $1
"""
_PARKED: Final = """
SELECT number, fact_id::text, parked_number, coalesce(parked_reason, '') FROM positions
WHERE source = $1 AND subject = $2 AND parked_number IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A parked stream, by the number it stops before, or a fact set aside."""

    kind: Literal["parked", "set-aside"]
    source: str
    subject: str
    number: int
    fact_id: str
    type: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Redriven:
    """What came of a redrive: facts applied, and why the stream is parked still, if it is."""

    applied: int
    is_parked: bool
    reason: str


class _Parked(NamedTuple):
    """A parked position: what was heard last, and where and why it stopped."""

    number: int
    fact_id: str | None
    parked_at: int
    reason: str


class DeadLetters:
    """The dead letters of one consumer."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def list(self, limit: int) -> Sequence[DeadLetter]:
        """Return parked streams first, then facts set aside, oldest first; at most `limit`, at most LIST_MAX."""
        async with reading(self._consumer.pool) as connection:
            rows = await connection.fetch(_LIST, min(limit, LIST_MAX))
        return [DeadLetter(*row) for row in rows]

    async def redrive(self, source: str, subject: str) -> Redriven:
        """Read a parked stream again from its owner and apply it as far as it goes.

        Where the owner tells another history than we heard, it stays parked: on that nothing may be built. Raises
        NotFound when the stream is not parked, Unavailable when the owner does not answer.
        """
        key = StreamKey(source, Subject(subject))
        async with reading(self._consumer.pool) as connection:
            place = await self._parked(connection, key)
        facts, _ = await self._consumer.feed.read(source, subject, max(place.number, 1) - 1, 1)
        contradiction = _contradiction(place, facts)
        if contradiction is not None:
            return Redriven(0, True, contradiction)
        async with self._parked_stream(key) as (connection, _):
            await unpark(connection, key)
        return await self._flow(key)

    async def skip(self, source: str, subject: str, number: int) -> Redriven:
        """Pass over the fact a stream is parked at, for good, and let the rest flow.

        Raises NotFound when the stream is not parked, Conflict when it is parked at another number.
        """
        key = StreamKey(source, Subject(subject))
        facts, _ = await self._consumer.feed.read(source, subject, max(number, 1) - 1, 1)
        async with self._parked_stream(key) as (connection, place):
            if place.parked_at != number:
                raise Conflict(f"the stream is parked at {place.parked_at}, not at {number}; look again, then skip")
            if not facts or facts[0].number != number:
                raise NotFound(f"{source} has no fact {number} of this stream")
            await skip_fact(connection, key, facts[0])
        return await self._flow(key)

    @asynccontextmanager
    async def _parked_stream(self, key: StreamKey) -> AsyncIterator[tuple[Connection, _Parked]]:
        """Hold a parked stream while its mark is taken off.

        Its head is compared anew whatever happens next: should we end before the stream has flowed, nothing else
        would ever ask for its facts.
        """
        async with self._consumer.transaction() as tx:
            await tx.lock([key.subject])
            yield tx.connection, await self._parked(tx.connection, key)
            await rewind_tail(tx.connection, key.source)

    async def _parked(self, connection: Connection, key: StreamKey) -> _Parked:
        row = await connection.fetchrow(_PARKED, key.source, key.subject)
        if row is None:
            raise NotFound("that stream is not parked; list the dead letters to see which are")
        return _Parked(*row)

    async def _flow(self, key: StreamKey) -> Redriven:
        """Apply what the owner has until its head or until the stream parks again."""
        applied = 0
        before = await self._place(key)
        while not before.is_parked:
            facts, _ = await self._consumer.feed.read(key.source, key.subject, before.number, READ_MAX)
            if not facts:
                return Redriven(applied, False, "")
            await self._consumer.apply(facts)
            after = await self._place(key)
            applied += after.number - before.number
            before = after
        async with reading(self._consumer.pool) as connection:
            return Redriven(applied, True, (await self._parked(connection, key)).reason)

    async def _place(self, key: StreamKey) -> Position:
        async with reading(self._consumer.pool) as connection:
            return (await read_positions(connection, [key], lock=False)).get(key, NOWHERE)


def _contradiction(place: _Parked, facts: Sequence[Fact]) -> str | None:
    """Return why the owner's history is not the one we heard; `facts` begins with what it tells under our last number.

    None also where nothing was heard yet.
    """
    if place.number == 0:
        return None
    if not facts or facts[0].number != place.number:
        return BEHIND
    return None if place.fact_id in (None, facts[0].id) else OTHER_ID
