"""The rows that say how far each stream was heard, read and moved in the transaction of the effect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.events.fact import Fact
from shared.kernel.ids import Subject
from shared.runtime.effect import SetAside
from shared.runtime.postgres import Connection
from shared.runtime.stream_rules import Position
from shared.runtime.stream_store import Head, LogPosition


class StreamKey(NamedTuple):
    """Names a stream; sorts as its position rows are locked."""

    source: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class Park:
    """A stream stops before its fact `number`, for this reason."""

    number: int
    reason: str


START: Final = LogPosition()


@dataclass(frozen=True, slots=True)
class Tail:
    """Up to where the heads of a source were compared with ours, and the epoch its owner was in then; 0 before."""

    position: LogPosition = START
    owner_epoch: int = 0


REASON_CHARACTERS_MAX: Final = 500
NOWHERE: Final = Position()
_NONE: Final[frozenset[int]] = frozenset()

_READ: Final = """
SELECT subject, number, fact_id::text, parked_number IS NOT NULL, skipped FROM positions
WHERE source = $1 AND subject = ANY($2::text[])
"""
_LOCK: Final = _READ + "ORDER BY subject FOR UPDATE"
_MOVE: Final = """
INSERT INTO positions AS p (source, subject, number, fact_id)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::uuid[])
ON CONFLICT (source, subject) DO UPDATE SET number = excluded.number, fact_id = excluded.fact_id
"""
_UNLIKE: Final = """
SELECT head.subject FROM unnest($2::text[], $3::bigint[], $4::uuid[]) AS head (subject, number, fact_id)
WHERE NOT EXISTS (
    SELECT FROM positions p WHERE p.source = $1 AND p.subject = head.subject
    AND p.number = head.number AND coalesce(p.fact_id, head.fact_id) = head.fact_id)
"""
_PARK: Final = """
INSERT INTO positions AS p (source, subject, number, parked_number, parked_reason, parked_since)
VALUES ($1, $2, 0, $3, $4, now())
ON CONFLICT (source, subject) DO UPDATE
SET parked_number = excluded.parked_number, parked_reason = excluded.parked_reason, parked_since = now()
"""
_SET_ASIDE: Final = """
INSERT INTO set_aside (source, subject, number, fact_id, type, reason, recorded_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[])
ON CONFLICT DO NOTHING
"""


async def read_positions(connection: Connection, keys: Iterable[StreamKey], *, lock: bool) -> dict[StreamKey, Position]:
    """Return the position of each stream that has one; with `lock`, held in key order until the transaction ends."""
    positions = {}
    for source, subjects in _by_source(keys):
        for subject, number, fact_id, is_parked, skipped in await connection.fetch(
            _LOCK if lock else _READ, source, subjects
        ):
            passed_over = frozenset(skipped) if skipped else _NONE
            positions[StreamKey(source, subject)] = Position(number, fact_id, is_parked, passed_over)
    return positions


async def subjects_unlike(connection: Connection, source: str, heads: Sequence[Head]) -> set[str]:
    """Return the subjects of those `heads` that are not the last fact we heard of their stream."""
    rows = await connection.fetch(
        _UNLIKE,
        source,
        [head.subject for head in heads],
        [head.number for head in heads],
        [head.fact_id for head in heads],
    )
    return {row[0] for row in rows}


async def move_positions(connection: Connection, last: Mapping[StreamKey, Fact]) -> None:
    """Set each stream's position to the fact given, in key order."""
    for source, subjects in _by_source(last):
        facts = [last[StreamKey(source, subject)] for subject in subjects]
        await connection.execute(_MOVE, source, subjects, [fact.number for fact in facts], [fact.id for fact in facts])


def _by_source(keys: Iterable[StreamKey]) -> list[tuple[str, list[Subject]]]:
    """Return the subjects by source, both in order. There are few sources, and arrays cost by the element."""
    sources: defaultdict[str, list[Subject]] = defaultdict(list)
    for key in keys:
        sources[key.source].append(key.subject)
    return [(source, sorted(sources[source])) for source in sorted(sources)]


async def park_streams(connection: Connection, parks: Mapping[StreamKey, Park]) -> None:
    """Mark each stream as parked; its number does not move."""
    for key in sorted(parks):
        park = parks[key]
        await connection.execute(_PARK, key.source, key.subject, park.number, park.reason[:REASON_CHARACTERS_MAX])


async def unpark(connection: Connection, key: StreamKey) -> None:
    """Take the mark off a stream; its facts flow again from its number."""
    await connection.execute(
        """UPDATE positions SET parked_number = NULL, parked_reason = NULL, parked_since = NULL
           WHERE source = $1 AND subject = $2""",
        key.source,
        key.subject,
    )


async def skip_fact(connection: Connection, key: StreamKey, fact: Fact) -> None:
    """Have a parked stream pass over `fact` for good and flow again after it.

    Where a fact of that number was applied before, the owner's fact takes its place and is not among those skipped.
    """
    await connection.execute(
        """UPDATE positions SET number = $3, fact_id = $4,
           skipped = CASE WHEN number < $3 THEN array_append(skipped, $3) ELSE skipped END,
           parked_number = NULL, parked_reason = NULL, parked_since = NULL WHERE source = $1 AND subject = $2""",
        key.source,
        key.subject,
        fact.number,
        fact.id,
    )


async def forget_set_aside(connection: Connection, key: StreamKey, through: int) -> None:
    """Forget which facts of a stream up to `through` were set aside: they were erased."""
    await connection.execute(
        "DELETE FROM set_aside WHERE source = $1 AND subject = $2 AND number <= $3", key.source, key.subject, through
    )


async def keep_set_aside(connection: Connection, aside: Iterable[SetAside]) -> None:
    """Keep what was set aside, with its reason."""
    facts = list(aside)
    await connection.execute(
        _SET_ASIDE,
        [entry.fact.source for entry in facts],
        [entry.fact.subject for entry in facts],
        [entry.fact.number for entry in facts],
        [entry.fact.id for entry in facts],
        [entry.fact.type for entry in facts],
        [entry.reason[:REASON_CHARACTERS_MAX] for entry in facts],
        [entry.fact.recorded_at for entry in facts],
    )


async def read_tail(connection: Connection, source: str) -> Tail:
    """Return up to where the heads of `source` were compared with ours."""
    row = await connection.fetchrow("SELECT epoch, xid, id, owner_epoch FROM tails WHERE source = $1", source)
    return Tail(LogPosition(row[0], row[1], row[2]), row[3]) if row else Tail()


async def move_tail(connection: Connection, source: str, tail: Tail) -> None:
    """Remember up to where the heads of `source` were compared with ours."""
    await connection.execute(
        """INSERT INTO tails (source, epoch, xid, id, owner_epoch) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (source) DO UPDATE SET epoch = $2, xid = $3, id = $4, owner_epoch = $5""",
        source,
        tail.position.epoch,
        tail.position.xid,
        tail.position.id,
        tail.owner_epoch,
    )


async def rewind_tail(connection: Connection, source: str) -> None:
    """Have every head of `source` compared anew at the next check."""
    await connection.execute("UPDATE tails SET epoch = 0, xid = 0, id = 0 WHERE source = $1", source)
