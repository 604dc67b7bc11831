"""The only place with SQL of learning_events: statements, what voids them, and the facts that tell both.

Locks are taken in this order: the organisation's gate, subjects, statements by id, streams. The gate is what makes
voiding independent of order: a transaction that voids holds it alone, all others share it, so that of a statement and
what voids it the later one sees the earlier.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from services.learning_events.domain.arrival import Arrival, Kept, Writer
from services.learning_events.domain.served import StoredStatement
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.domain.voiding import Target, Void
from services.learning_events.handlers.ports import ArrivalPage, Inserted, Reader
from services.learning_events.store.originals import erase_originals, keep_originals
from shared.events.erasure import facts_erased
from shared.events.fact import NewFact
from shared.events.learning_events import StatementRecorded
from shared.events.sources import LEARNING_EVENTS
from shared.kernel.errors import Broken
from shared.kernel.ids import FactId, PersonId, system_fact_id
from shared.runtime import faults
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Transaction
from shared.runtime.stream_store import StreamStore

ERASED_AT_ONCE: Final = 500
GATE: Final = 0x766F_6964
"""The first half of the gates' advisory lock keys; "void" in ASCII. Keys in two halves never meet those of subjects."""

_SHARE_GATE: Final = "SELECT pg_advisory_xact_lock_shared($1, $2)"
_HOLD_GATE: Final = "SELECT pg_advisory_xact_lock($1, $2)"
_INSERT: Final = """
INSERT INTO statements (organisation, is_test, key, version, epoch, stored_at, id, person, account, fact_id, original,
    place, is_voiding)
SELECT $1, $2, $3, $4, (SELECT epoch FROM backbone.epochs), new.*, new.place = ANY($5::bigint[])
FROM unnest($6::timestamptz[], $7::uuid[], $8::text[], $9::text[], $10::uuid[], $11::bytea[]) WITH ORDINALITY
    AS new (stored_at, id, person, account, fact_id, original, place)
ORDER BY new.id, new.place
ON CONFLICT (organisation, id) DO NOTHING
RETURNING place, (SELECT true FROM voids AS v WHERE v.organisation = statements.organisation
    AND v.is_test = statements.is_test AND v.target = statements.id LIMIT 1) IS NOT NULL
"""
_KEPT: Final = "SELECT id, original, is_test FROM statements WHERE organisation = $1 AND id = ANY($2::uuid[])"
# Not EXISTS: without statistics the planner would read all voids of the organisation for it, instead of one a row.
_IS_VOID: Final = """(SELECT true FROM voids AS v WHERE v.organisation = s.organisation
    AND v.is_test = s.is_test AND v.target = s.id LIMIT 1) IS NOT NULL AND NOT s.is_voiding"""
_TARGETS: Final = f"""
SELECT s.id, s.person, s.fact_id, s.is_voiding, {_IS_VOID} FROM statements AS s
WHERE s.organisation = $1 AND s.is_test = $2 AND s.id = ANY($3::uuid[]) AND s.original IS NOT NULL
"""  # noqa: S608 - a constant
_ADD_VOIDS: Final = """
INSERT INTO voids (organisation, is_test, target, voiding, occurred_at)
SELECT $1, $2, new.* FROM unnest($3::uuid[], $4::uuid[], $5::timestamptz[]) AS new
"""
_VOIDS: Final = """
SELECT target, voiding, occurred_at FROM voids WHERE organisation = $1 AND is_test = $2 AND target = ANY($3::uuid[])
"""
_STORED: Final = f"""
SELECT s.epoch, s.xid::text::bigint, s.place, s.id, s.original, s.stored_at, s.key, s.version, s.person, s.account,
    s.is_test, {_IS_VOID} FROM statements AS s
WHERE s.organisation = $1 AND s.is_test = $2 AND ($3::text IS NULL OR s.key = $3) AND s.original IS NOT NULL
"""  # noqa: S608 - a constant
_FIND: Final = _STORED + "AND s.id = $4"
_BEHIND_HORIZON: Final = """
AND (s.epoch, s.xid) < ((SELECT epoch FROM backbone.epochs), pg_snapshot_xmin(pg_current_snapshot()))
"""
_AFTER: Final = f"""{_STORED} {_BEHIND_HORIZON}
AND (s.epoch, s.xid, s.place) > ($4::integer, $5::text::xid8, $6::integer)
ORDER BY s.epoch, s.xid, s.place LIMIT $7
"""
_NEWEST: Final = f"{_STORED} {_BEHIND_HORIZON} ORDER BY s.epoch DESC, s.xid DESC, s.place DESC LIMIT $4"
_TOLD: Final = """
SELECT number, organisation, convert_from(data, 'UTF8')::json ->> 'statement' FROM backbone.facts
WHERE subject = $1 AND number > $2 AND type = $3 AND data IS NOT NULL ORDER BY number LIMIT $4
"""
_EMPTY: Final = """
UPDATE statements AS s SET account = NULL, original = NULL
FROM unnest($1::text[], $2::text[]) AS told (organisation, id)
WHERE s.organisation = told.organisation AND s.id = told.id::uuid
"""
_TELLS: Final = "SELECT EXISTS (SELECT FROM backbone.facts WHERE subject = $1 AND type <> $2 AND data IS NOT NULL)"


class PostgresStatements:
    """The statements of all organisations; a door's transaction sees those of its own."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    @asynccontextmanager
    async def opened(self, writer: Writer, *, is_voiding: bool) -> AsyncIterator[PostgresLedger]:
        """Open a transaction as the writer's organisation. Raises DatabaseUnavailable; nothing was stored then."""
        async with self._backbone.door(writer.organisation) as tx:
            await tx.connection.fetchval(_HOLD_GATE if is_voiding else _SHARE_GATE, GATE, _gate(writer.organisation))
            yield PostgresLedger(tx, self._backbone.store, writer)
            await faults.point("learning-events.written")
        await faults.point("learning-events.committed")

    async def find(self, reader: Reader, statement_id: str) -> StoredStatement | None:
        """Return the statement, if there is one that this reader may see and that was not erased."""
        async with self._backbone.door(reader.organisation) as tx:
            row = await tx.connection.fetchrow(_FIND, *_seen_by(reader), statement_id)
        return None if row is None else _stored(row)

    async def after(self, reader: Reader, position: tuple[int, int, int], limit: int) -> ArrivalPage:
        """Return what arrived after a position, up to the snapshot horizon: no row can appear before it any more."""
        epoch, xid, place = position
        async with self._backbone.door(reader.organisation) as tx:
            rows = await tx.connection.fetch(_AFTER, *_seen_by(reader), epoch, str(xid), place, limit + 1)
        return _page(rows[:limit], position, has_more=len(rows) > limit)

    async def newest(self, reader: Reader, limit: int) -> ArrivalPage:
        """Return what arrived last behind the horizon, oldest of it first."""
        async with self._backbone.door(reader.organisation) as tx:
            rows = await tx.connection.fetch(_NEWEST, *_seen_by(reader), limit)
        return _page(rows[::-1], (0, 0, 0), has_more=False)

    async def erase(self, person: str) -> None:
        """Have emptied the statements that this person's stream tells, and the stream; ERASED_AT_ONCE a transaction."""
        await erase_originals(self._backbone, person)
        after = 0
        while True:
            async with self._backbone.backbone() as tx:
                await tx.lock({person})
                told = await tx.connection.fetch(_TOLD, person, after, StatementRecorded.type, ERASED_AT_ONCE)
                await tx.connection.execute(_EMPTY, [row[1] for row in told], [row[2] for row in told])
                if len(told) < ERASED_AT_ONCE:
                    await self._erase_facts(tx, person)
                    return
            after = told[-1][0]

    async def _erase_facts(self, tx: Transaction, person: str) -> None:
        telling = facts_erased(LEARNING_EVENTS, 0).type
        if await tx.connection.fetchval(_TELLS, person, telling):
            await self._backbone.store.erase(tx, person, system_fact_id())


class PostgresLedger:
    """One open transaction of a writer."""

    def __init__(self, tx: Transaction, facts: StreamStore, writer: Writer) -> None:
        self._tx = tx
        self._facts = facts
        self._writer = writer

    async def targets(self, ids: Collection[str]) -> Mapping[str, Target]:
        """Return those of the statements that are kept and not erased, to be voided."""
        rows = await self._tx.connection.fetch(_TARGETS, self._writer.organisation, self._writer.is_test, list(ids))
        return {str(row[0]): _target(row) for row in rows}

    async def lock(self, subjects: Iterable[str]) -> None:
        """Hold the streams of these people."""
        await self._tx.lock(subjects)

    async def insert(self, arrivals: Sequence[Arrival], version: XapiVersion) -> Inserted:
        """Store those whose id is not taken, by id, so that two writers of the same ids do not wait in a ring."""
        writer = self._writer
        rows = await self._tx.connection.fetch(
            _INSERT, writer.organisation, writer.is_test, writer.key, version.value, *_columns(arrivals)
        )
        return Inserted(
            frozenset([arrivals[place - 1].id for place, _ in rows]),
            frozenset([arrivals[place - 1].id for place, is_void in rows if is_void]),
        )

    async def keep_originals(self, arrivals: Sequence[Arrival]) -> None:
        """Keep what these new ones were made of, where they did not come as statements."""
        if arrivals:
            await keep_originals(self._tx.connection, self._writer, arrivals)

    async def kept(self, ids: Collection[str]) -> Mapping[str, Kept]:
        """Return what stands under these ids. Raises Broken where nothing does, though an insert met it."""
        rows = await self._tx.connection.fetch(_KEPT, self._writer.organisation, list(ids))
        if len(rows) != len(ids):
            raise Broken("a statement's id is taken, and no statement is to be seen under it")
        return {str(row[0]): Kept(row[1], row[2]) for row in rows}

    async def add_voids(self, voids: Sequence[Void]) -> None:
        """Keep what new voiding statements name."""
        await self._tx.connection.execute(
            _ADD_VOIDS,
            self._writer.organisation,
            self._writer.is_test,
            [void.target for void in voids],
            [void.voiding for void in voids],
            [void.occurred_at for void in voids],
        )

    async def voids(self, targets: Collection[str]) -> Sequence[Void]:
        """Return everything that voids these statements."""
        writer = self._writer
        rows = await self._tx.connection.fetch(_VOIDS, writer.organisation, writer.is_test, list(targets))
        return [Void(str(row[0]), str(row[1]), row[2]) for row in rows]

    async def tell(self, facts: Sequence[NewFact]) -> None:
        """Append these facts; they are told once the transaction is durable."""
        await self._facts.append(self._tx, facts)


def _gate(organisation: str) -> int:
    """Return the second half of the gate's key. Two organisations that share one only wait a little for each other."""
    return zlib.crc32(organisation.encode()) - (1 << 31)


def _columns(arrivals: Sequence[Arrival]) -> list[list[Any]]:
    """Return the arrays of `_INSERT`: the places, from 1, of what voids; then the columns of all rows."""
    return [
        [place for place, arrival in enumerate(arrivals, start=1) if arrival.event.is_voiding],
        [arrival.received_at for arrival in arrivals],
        [arrival.id for arrival in arrivals],
        [arrival.account and arrival.account.person for arrival in arrivals],
        [arrival.account and arrival.account.account for arrival in arrivals],
        [arrival.fact_id for arrival in arrivals],
        [arrival.statement.original for arrival in arrivals],
    ]


def _seen_by(reader: Reader) -> tuple[str, bool, str | None]:
    return reader.organisation, reader.is_test, reader.only_key


def _target(row: Any) -> Target:
    statement_id, person, fact_id, is_voiding, was_void = row
    known = PersonId(person) if person is not None else None
    return Target(str(statement_id), known, FactId(str(fact_id)), is_voiding, was_void)


def _stored(row: Any) -> StoredStatement:
    _, _, _, statement_id, original, stored_at, key, version, person, account, is_test, is_void = row
    return StoredStatement(
        str(statement_id), original, stored_at, key, XapiVersion(version), person, account, is_test, is_void
    )


def _page(rows: Sequence[Any], before: tuple[int, int, int], *, has_more: bool) -> ArrivalPage:
    last = (rows[-1][0], rows[-1][1], rows[-1][2]) if rows else before
    return ArrivalPage(tuple(_stored(row) for row in rows), last, has_more)
