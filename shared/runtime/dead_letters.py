"""What a service could not use: parked streams and facts set aside; and how an operator sets a stream flowing again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from shared.kernel.errors import Conflict, NotFound
from shared.kernel.ids import Subject
from shared.runtime.consumer import Consumer
from shared.runtime.positions import StreamKey, move_positions, read_positions, unpark
from shared.runtime.postgres import reading, transaction
from shared.runtime.stream_store import READ_MAX

LIST_MAX: Final = 500

_LIST: Final = """
SELECT 'parked' AS kind, source, subject, parked_number AS number, '' AS fact_id, '' AS type,
       parked_reason AS reason, parked_since AS since FROM positions WHERE parked_number IS NOT NULL
UNION ALL
SELECT 'set-aside', source, subject, number, fact_id::text, type, reason, recorded_at FROM set_aside
ORDER BY kind, since, source, subject, number LIMIT $1
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

        Raises NotFound when the stream is not parked, Unavailable when the owner does not answer.
        """
        key = StreamKey(source, Subject(subject))
        number = await self._parked_number(key)
        async with transaction(self._consumer.pool) as tx:
            await unpark(tx.connection, key)
        return await self._flow(key, number)

    async def skip(self, source: str, subject: str, number: int) -> Redriven:
        """Pass over the fact a stream is parked at, for good, and let the rest flow.

        Raises NotFound when the stream is not parked, Conflict when it is parked at another number.
        """
        key = StreamKey(source, Subject(subject))
        parked_at = await self._parked_number(key)
        if parked_at != number:
            raise Conflict(f"the stream is parked at {parked_at}, not at {number}; look again before you skip")
        facts, _ = await self._consumer.feed.read(source, subject, number - 1, 1)
        if not facts or facts[0].number != number:
            raise NotFound(f"{source} has no fact {number} of this stream")
        async with transaction(self._consumer.pool) as tx:
            await unpark(tx.connection, key)
            await move_positions(tx.connection, {key: facts[0]})
        return await self._flow(key, number)

    async def _parked_number(self, key: StreamKey) -> int:
        async with reading(self._consumer.pool) as connection:
            number = await connection.fetchval(
                "SELECT parked_number FROM positions WHERE source = $1 AND subject = $2", key.source, key.subject
            )
        if number is None:
            raise NotFound("that stream is not parked; list the dead letters to see which are")
        return int(number)

    async def _flow(self, key: StreamKey, before: int) -> Redriven:
        """Apply what the owner has until its head or until the stream parks again."""
        applied = 0
        while True:
            async with reading(self._consumer.pool) as connection:
                position = (await read_positions(connection, [key], lock=False))[key]
                reason = await connection.fetchval(
                    "SELECT parked_reason FROM positions WHERE source = $1 AND subject = $2", key.source, key.subject
                )
            if position.is_parked:
                return Redriven(applied, True, reason or "")
            facts, head = await self._consumer.feed.read(key.source, key.subject, position.number, READ_MAX)
            if not facts or position.number >= head:
                return Redriven(applied, False, "")
            await self._consumer.apply(facts)
            async with reading(self._consumer.pool) as connection:
                after = (await read_positions(connection, [key], lock=False))[key]
            applied += after.number - position.number
