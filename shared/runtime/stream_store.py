"""A service's own facts: appended with gapless numbers, read by stream and in log order, erased without a gap.

The order of the log is (epoch, xid, id) behind the snapshot horizon. A number alone loses rows under two writers: a
later transaction id may commit an earlier row after the reader has passed. Behind the horizon nothing can appear.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from shared.events.erasure import facts_erased
from shared.events.fact import Fact, NewFact
from shared.events.sources import Source
from shared.kernel.clock import Clock
from shared.kernel.errors import Broken
from shared.kernel.ids import FactId, Subject
from shared.runtime.postgres import Connection, Transaction

READ_MAX: Final = 500
SCAN_MAX: Final = 2_000
HEADS_MAX: Final = 10_000
SUBJECTS_MAX: Final = 1_000
"""Streams whose heads may be asked for by name at once."""
_T = TypeVar("_T")
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class LogPosition:
    """A place in a source's log order. The default stands before everything."""

    epoch: int = 0
    xid: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """The newest fact of a stream. `number` 0 means there is no such stream."""

    subject: Subject
    number: int
    fact_id: FactId
    recorded_at_us: int


@dataclass(frozen=True, slots=True)
class HeadsPage:
    """The present heads of the streams that moved between two positions."""

    heads: tuple[Head, ...]
    next: LogPosition
    has_more: bool
    epoch: int


_TAKE_NUMBERS: Final = """
INSERT INTO backbone.streams AS s (subject, number, fact_id, recorded_at)
SELECT subject, count, fact_id, $4 FROM unnest($1::text[], $2::bigint[], $3::uuid[]) AS new (subject, count, fact_id)
ON CONFLICT (subject) DO UPDATE
SET number = s.number + excluded.number, fact_id = excluded.fact_id, recorded_at = excluded.recorded_at
RETURNING subject, number
"""
_INSERT_FACTS: Final = """
INSERT INTO backbone.facts (epoch, subject, number, fact_id, type, occurred_at, recorded_at, organisation, data)
SELECT (SELECT epoch FROM backbone.epochs), subject, number, fact_id, coalesce(type, $9), occurred_at, $5,
       coalesce(organisation, $10), data
FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $6::timestamptz[], $7::text[], $8::bytea[])
  AS new (subject, number, fact_id, type, occurred_at, organisation, data)
"""
"""unnest fills what is short with nulls: a column in which all are the same is told once, beside an empty array."""
COLUMNS: Final = """epoch, xid::text::bigint AS xid_number, id, subject, number, fact_id::text, type, occurred_at,
    recorded_at, organisation, data"""
_READ: Final = f"""
SELECT {COLUMNS} FROM backbone.facts WHERE subject = $1 AND number > $2 ORDER BY number LIMIT $3
"""  # noqa: S608 - a constant
SCAN: Final = f"""
SELECT {COLUMNS} FROM backbone.facts
WHERE (epoch, xid, id) > ($1::integer, $2::text::xid8, $3::bigint)
  AND (epoch, xid) < ((SELECT e.epoch FROM backbone.epochs e), pg_snapshot_xmin(pg_current_snapshot()))
ORDER BY epoch, xid, id LIMIT $4
"""  # noqa: S608 - a constant
_MOVED: Final = """
WITH moved AS MATERIALIZED (
    SELECT epoch, xid, id, subject, number FROM backbone.facts
    WHERE (epoch, xid, id) > ($1::integer, $2::text::xid8, $3::bigint)
      AND (epoch, xid) < ((SELECT e.epoch FROM backbone.epochs e), pg_snapshot_xmin(pg_current_snapshot()))
    ORDER BY epoch, xid, id LIMIT $4
), last AS (
    SELECT epoch, xid::text::bigint AS xid_number, id FROM moved ORDER BY epoch DESC, xid DESC, id DESC LIMIT 1
)
SELECT NULL AS subject, (SELECT count(*) FROM moved), NULL AS fact_id, NULL::timestamptz,
    epoch, xid_number, id FROM last
UNION ALL
SELECT head.subject, head.number, head.fact_id::text, head.recorded_at, 0, 0, 0
FROM (SELECT subject, max(number) AS number FROM moved GROUP BY subject) AS newest
CROSS JOIN LATERAL (SELECT s.* FROM backbone.streams s
                    WHERE s.subject = newest.subject AND s.number = newest.number OFFSET 0) AS head
"""
"""The row without a subject says where the page ends and of how many facts it is; the others are heads."""
_HEADS: Final = """
SELECT subject, number, fact_id::text, recorded_at FROM backbone.streams WHERE subject = ANY($1::text[])
"""
_ERASE: Final = "UPDATE backbone.facts SET data = NULL WHERE subject = $1 AND number <= $2 AND data IS NOT NULL"


class StreamStore:
    """Appends and reads the facts of one source. `nudge` is called after each commit that appended."""

    def __init__(self, source: Source, clock: Clock, nudge: Callable[[], None]) -> None:
        self.source = source
        self._clock = clock
        self._nudge = nudge

    async def append(self, tx: Transaction, facts: Sequence[NewFact]) -> list[Fact]:
        """Append `facts` in their order and return them numbered; durable when the transaction commits.

        The transaction must hold the lock of every subject. Raises Broken when it does not, or when a fact's type is
        not one of this source's.
        """
        if not facts:
            return []
        self._check(tx, facts)
        recorded_at = self._clock.now()
        numbers = await self._take_numbers(tx.connection, facts, recorded_at)
        numbered = []
        for fact in facts:
            numbers[fact.subject] += 1
            numbered.append(
                Fact(
                    fact.id,
                    self.source.name,
                    fact.subject,
                    numbers[fact.subject],
                    fact.type,
                    fact.occurred_at,
                    recorded_at,
                    fact.organisation,
                    fact.data,
                )
            )
        types, type_of_all = _once([fact.type for fact in numbered])
        organisations, organisation_of_all = _once([fact.organisation for fact in numbered])
        await tx.connection.execute(
            _INSERT_FACTS,
            [fact.subject for fact in numbered],
            [fact.number for fact in numbered],
            [fact.id for fact in numbered],
            types,
            recorded_at,
            [fact.occurred_at for fact in numbered],
            organisations,
            [fact.data for fact in numbered],
            type_of_all,
            organisation_of_all,
        )
        tx.after_commit(self._nudge)
        return numbered

    def _check(self, tx: Transaction, facts: Sequence[NewFact]) -> None:
        for fact in facts:
            if not tx.holds(fact.subject):
                raise Broken("a fact was appended to a stream whose subject is not locked")
            if not fact.type.startswith(self.source.type_prefix):
                raise Broken(f"{self.source.name} does not tell {fact.type}")

    async def _take_numbers(self, connection: Connection, facts: Sequence[NewFact], recorded_at: Any) -> dict[str, int]:
        """Return the last number before these facts, by subject. Streams are taken in key order."""
        counts = Counter(fact.subject for fact in facts)
        last = {fact.subject: fact.id for fact in facts}
        subjects = sorted(counts)
        rows = await connection.fetch(
            _TAKE_NUMBERS,
            subjects,
            [counts[Subject(subject)] for subject in subjects],
            [last[Subject(subject)] for subject in subjects],
            recorded_at,
        )
        return {row[0]: row[1] - counts[row[0]] for row in rows}

    async def read(self, connection: Connection, subject: str, after: int, limit: int) -> tuple[list[Fact], int]:
        """Return the facts of a stream with a number above `after`, lowest first, and the stream's head number."""
        rows = await connection.fetch(_READ, subject, after, min(limit, READ_MAX))
        head = await connection.fetchval("SELECT number FROM backbone.streams WHERE subject = $1", subject)
        return [fact_of_row(self.source.name, row) for row in rows], head or 0

    async def scan(self, connection: Connection, since: LogPosition, limit: int) -> tuple[list[Fact], LogPosition]:
        """Return facts in log order after `since` and the position of the last; the same position when none is left."""
        rows = await connection.fetch(SCAN, since.epoch, str(since.xid), since.id, min(limit, SCAN_MAX))
        return [fact_of_row(self.source.name, row) for row in rows], position_of_row(rows[-1]) if rows else since

    async def heads(self, connection: Connection, since: LogPosition, limit: int) -> HeadsPage:
        """Return the head of each stream whose newest fact is among the `limit` facts after `since`.

        A stream that moved on beyond them is left for the page its newest fact is in: else a stream that never rests
        would keep whoever reads these pages from ever leaving the first.
        """
        limit = min(limit, HEADS_MAX)
        epoch = await connection.fetchval("SELECT epoch FROM backbone.epochs")
        rows = await connection.fetch(_MOVED, since.epoch, str(since.xid), since.id, limit)
        if not rows:
            return HeadsPage((), since, False, epoch)
        _, facts, *_, last_epoch, last_xid, last_id = next(row for row in rows if row[0] is None)
        heads = tuple(_head_of_row(row) for row in rows if row[0] is not None)
        return HeadsPage(heads, LogPosition(last_epoch, last_xid, last_id), facts == limit, epoch)

    async def heads_of(self, connection: Connection, subjects: Sequence[str]) -> tuple[Head, ...]:
        """Return the head of each stream named that exists."""
        rows = await connection.fetch(_HEADS, list(subjects)) if subjects else []
        return tuple(_head_of_row(row) for row in rows)

    async def erase(self, tx: Transaction, subject: str, fact_id: FactId) -> Fact:
        """Empty the data of every fact now in the stream and tell so; subject, numbers, ids and types stay.

        The transaction must hold the subject's lock. Returns the fact that tells it: consumers then drop what they
        derived from facts up to its `through`, so that live state equals a rebuild.
        """
        head = await tx.connection.fetchval("SELECT number FROM backbone.streams WHERE subject = $1", subject)
        through = head or 0
        told = facts_erased(self.source, through).fact(fact_id, subject, self._clock.now())
        (fact,) = await self.append(tx, [told])
        await tx.connection.execute(_ERASE, subject, through)
        return fact


def _once(column: list[_T]) -> tuple[list[_T], _T | None]:
    """Return the column and nothing, or no column and what all of it is: an array costs by the element."""
    return (column, None) if len(set(column)) > 1 else ([], column[0])


def fact_of_row(source: str, row: Any) -> Fact:
    """Return the fact in a row of COLUMNS."""
    _, _, _, subject, number, fact_id, type_, occurred_at, recorded_at, organisation, data = row
    return Fact(fact_id, source, subject, number, type_, occurred_at, recorded_at, organisation, data)


def _head_of_row(row: Any) -> Head:
    return Head(row[0], row[1], row[2], (row[3] - _EPOCH_START) // timedelta(microseconds=1))


def position_of_row(row: Any) -> LogPosition:
    """Return the log position of a row that starts with epoch, xid_number, id."""
    return LogPosition(row[0], row[1], row[2])


_ENTER_EPOCH: Final = """
UPDATE backbone.epochs AS known SET
    epoch = CASE WHEN known.incarnation IS NULL THEN known.epoch
            ELSE greatest(known.epoch + 1, extract(epoch FROM now() - timestamptz '2020-01-01Z')::integer) END,
    incarnation = present.incarnation
FROM (
    SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        (SELECT timeline_id FROM pg_control_checkpoint())) AS incarnation
) AS present
WHERE known.incarnation IS DISTINCT FROM present.incarnation
"""


async def enter_epoch(connection: Connection) -> int:
    """Return the present epoch, which rose when the database is not the one it was: restored, or in another cluster.

    It rises to the seconds since 2020 rather than by one, so that two restores of one backup have two epochs. Not seen
    is a restore over the same database (`pg_restore --clean`): call `mark_restored` after one.
    """
    await connection.execute(_ENTER_EPOCH)
    epoch: int = await connection.fetchval("SELECT epoch FROM backbone.epochs")
    return epoch


async def mark_restored(connection: Connection) -> None:
    """Have the next start enter a new epoch, so that every consumer compares what it heard with what is here now."""
    await connection.execute("UPDATE backbone.epochs SET incarnation = 'restored' WHERE incarnation IS NOT NULL")
