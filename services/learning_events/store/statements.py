"""The SQL of statements: what they are, what voids them, and the facts that tell both.

Locks are taken in this order: the organisation's gate (`gate.py`), subjects, statements by id, what they are found by,
attachments, streams.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from services.learning_events.domain.arrival import Arrival, Kept, Writer
from services.learning_events.domain.served import StoredStatement, actor_of
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.domain.voiding import Target, Void
from services.learning_events.handlers.ports import ArrivalPage, Inserted, Reader, Referral
from services.learning_events.store import search_index
from services.learning_events.store.activities import PostgresActivities
from services.learning_events.store.attachments import attach, forget_attachments
from services.learning_events.store.gate import hold_gate, share_gate
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
_INSERT: Final = f"""
WITH new AS (
INSERT INTO statements (organisation, is_test, key, version, epoch, stored_at, id, person, account, fact_id, original,
    place, is_voiding)
SELECT $1, $2, $3, $4, (SELECT epoch FROM backbone.epochs), $5, new.*, new.place = ANY($6::bigint[])
FROM unnest($7::uuid[], $8::text[], $9::text[], $10::uuid[], $11::bytea[]) WITH ORDINALITY
    AS new (id, person, account, fact_id, original, place)
ORDER BY new.id, new.place
ON CONFLICT (organisation, id) DO NOTHING
RETURNING place, (SELECT EXISTS (SELECT FROM referrals WHERE organisation = $1 AND is_test = $2))
    AND (SELECT true FROM referrals AS r WHERE r.organisation = statements.organisation
        AND r.is_test = statements.is_test AND r.target = statements.id LIMIT 1) IS NOT NULL AS is_targeted
), found AS ({search_index.add("$1", "$5", "$12", "$13")} WHERE (SELECT count(*) FROM new) = $14)
SELECT place, is_targeted FROM new
"""  # noqa: S608 - constants
"""Where all are new, as nearly always, what they are found by goes with them: each question that is asked while the
streams are held keeps others waiting."""
_KEPT: Final = "SELECT id, original, is_test FROM statements WHERE organisation = $1 AND id = ANY($2::uuid[])"
# Not EXISTS: without statistics the planner would read all voids of the organisation for it, instead of one a row.
IS_VOID: Final = """(SELECT true FROM voids AS v WHERE v.organisation = s.organisation
    AND v.is_test = s.is_test AND v.target = s.id LIMIT 1) IS NOT NULL AND NOT s.is_voiding"""
_TARGETS: Final = f"""
SELECT s.id, s.person, s.fact_id, s.is_voiding, {IS_VOID} FROM statements AS s
WHERE s.organisation = $1 AND s.is_test = $2 AND s.id = ANY($3::uuid[])
    AND (s.original IS NOT NULL OR s.account IS NOT NULL)
"""  # noqa: S608 - a constant
_ADD_VOIDS: Final = """
INSERT INTO voids (organisation, is_test, target, voiding, occurred_at)
SELECT $1, $2, new.* FROM unnest($3::uuid[], $4::uuid[], $5::timestamptz[]) AS new
"""
_VOIDS: Final = """
SELECT target, voiding, occurred_at FROM voids WHERE organisation = $1 AND is_test = $2 AND target = ANY($3::uuid[])
"""
COLUMNS: Final = f"""
s.epoch, s.xid::text::bigint, s.place, s.id, s.original, s.stored_at, s.key, s.version, s.person, s.account, s.is_test,
{IS_VOID}
"""
_STORED: Final = f"""
SELECT {COLUMNS} FROM statements AS s
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
_ACTING: Final = """
SELECT s.organisation, s.is_test, s.original, s.stored_at, s.xid::text
FROM statements AS s JOIN unnest($1::text[], $2::text[]) AS told (organisation, id)
    ON s.organisation = told.organisation AND s.id = told.id::uuid
WHERE s.original IS NOT NULL
"""
_EMPTY: Final = """
UPDATE statements AS s SET account = NULL, original = NULL
FROM unnest($1::text[], $2::text[]) AS told (organisation, id)
WHERE s.organisation = told.organisation AND s.id = told.id::uuid
"""
_TELLS: Final = "SELECT EXISTS (SELECT FROM backbone.facts WHERE subject = $1 AND type <> $2 AND data IS NOT NULL)"


class PostgresStatements:
    """The statements of all organisations; a door's transaction sees those of its own."""

    def __init__(self, backbone: Backbone, activities: PostgresActivities | None = None) -> None:
        self._backbone = backbone
        self._activities = activities or PostgresActivities(backbone)

    @asynccontextmanager
    async def opened(self, writer: Writer, *, is_referring: bool) -> AsyncIterator[PostgresLedger]:
        """Open a transaction as the writer's organisation. Raises DatabaseUnavailable; nothing was stored then."""
        async with self._backbone.door(writer.organisation) as tx:
            enter = hold_gate if is_referring else share_gate
            stored_at = await enter(tx.connection, writer.organisation)
            yield PostgresLedger(tx, self._backbone.store, self._activities, writer, stored_at)
            await faults.point("learning-events.written")
        await faults.point("learning-events.committed")

    async def find(self, reader: Reader, statement_id: str) -> StoredStatement | None:
        """Return the statement, if there is one that this reader may see and that was not erased."""
        async with self._backbone.door(reader.organisation) as tx:
            row = await tx.connection.fetchrow(_FIND, *_seen_by(reader), statement_id)
        return None if row is None else stored(row)

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
            told = await self._told(person, after)
            for organisation, rows in groupby(told, key=lambda row: str(row[1])):
                await forget_attachments(self._backbone, organisation, [row[2] for row in rows])
            async with self._backbone.backbone() as tx:
                await tx.lock({person})
                await self._empty(tx, [row[1] for row in told], [row[2] for row in told])
                after = told[-1][0] if told else after
                if not await tx.connection.fetch(_TOLD, person, after, StatementRecorded.type, 1):
                    await self._erase_facts(tx, person)
                    return

    async def _told(self, person: str, after: int) -> list[Any]:
        async with self._backbone.reading() as connection:
            found = await connection.fetch(_TOLD, person, after, StatementRecorded.type, ERASED_AT_ONCE)
        return list(found)

    async def _empty(self, tx: Transaction, organisations: list[str], ids: list[str]) -> None:
        """Empty the statements, and have nothing found by who acted in them."""
        acting = await tx.connection.fetch(_ACTING, organisations, ids)
        rows = [
            (organisation, is_test, actor_of(original), stored_at, xid)
            for organisation, is_test, original, stored_at, xid in acting
        ]
        await search_index.forget_actors(tx.connection, rows)
        await tx.connection.execute(_EMPTY, organisations, ids)

    async def _erase_facts(self, tx: Transaction, person: str) -> None:
        telling = facts_erased(LEARNING_EVENTS, 0).type
        if await tx.connection.fetchval(_TELLS, person, telling):
            await self._backbone.store.erase(tx, person, system_fact_id())


class PostgresLedger:
    """One open transaction of a writer."""

    def __init__(
        self, tx: Transaction, facts: StreamStore, activities: PostgresActivities, writer: Writer, stored_at: datetime
    ) -> None:
        self._tx = tx
        self._facts = facts
        self._activities = activities
        self._writer = writer
        self._places: dict[str, int] = {}
        self.stored_at = stored_at

    async def targets(self, ids: Collection[str]) -> Mapping[str, Target]:
        """Return those of the statements that were not erased, to be voided: the facts of the others stand."""
        rows = await self._tx.connection.fetch(_TARGETS, self._writer.organisation, self._writer.is_test, list(ids))
        return {str(row[0]): _target(row) for row in rows}

    async def lock(self, subjects: Iterable[str]) -> None:
        """Hold the streams of these people."""
        await self._tx.lock(subjects)

    async def insert(self, arrivals: Sequence[Arrival], version: XapiVersion) -> Inserted:
        """Store those whose id is not taken, by id, so that two writers of the same ids do not wait in a ring."""
        writer = self._writer
        head = (writer.organisation, writer.is_test, writer.key, version.value, self.stored_at)
        terms = search_index.rows_of(writer, dict(enumerate(arrivals, start=1)))
        rows = await self._tx.connection.fetch(_INSERT, *head, *_columns(arrivals), *terms, len(arrivals))
        new = {place: arrivals[place - 1] for place, _ in rows}
        self._places |= {arrival.id: place for place, arrival in new.items()}
        if len(new) < len(arrivals):
            await search_index.add_arrivals(self._tx.connection, writer, new, self.stored_at)
        return Inserted(
            frozenset([arrivals[place - 1].id for place, _ in rows]),
            frozenset([arrivals[place - 1].id for place, is_targeted in rows if is_targeted]),
        )

    async def attach(self, arrivals: Sequence[Arrival], parts: Mapping[str, bytes]) -> None:
        """Keep the data that came along with these new ones, by SHA-2."""
        if arrivals:
            await attach(self._tx.connection, self._writer, arrivals, parts)

    async def add_referrals(self, referrals: Sequence[tuple[str, str]]) -> Sequence[Referral]:
        """Keep which new statements refer to which, pairs of the target and the one that refers, and return them."""
        rows = [(target, referring, self._places[referring]) for target, referring in referrals]
        return await search_index.add_referrals(self._tx.connection, self._writer, self.stored_at, rows)

    async def referrals(self, targets: Collection[str], limit: int) -> Sequence[Referral]:
        """Return kept statements that refer to these."""
        return await search_index.referrals(self._tx.connection, self._writer, targets, limit)

    async def originals(self, ids: Collection[str]) -> Mapping[str, bytes]:
        """Return those of the statements that are kept and not erased."""
        return await search_index.originals(self._tx.connection, self._writer, ids)

    async def add_terms(self, rows: Sequence[tuple[str, Referral]]) -> None:
        """Have statements that refer to others found by further terms. Safe to repeat."""
        await search_index.add_terms(self._tx.connection, self._writer, rows)

    async def keep_definitions(self, arrivals: Sequence[Arrival]) -> None:
        """Keep what these new ones tell of Activities, where it is not known."""
        await self._activities.add(self._tx, self._writer, arrivals)

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


def _columns(arrivals: Sequence[Arrival]) -> list[list[Any]]:
    """Return the arrays of `_INSERT`: the places, from 1, of what voids; then the columns of all rows."""
    return [
        [place for place, arrival in enumerate(arrivals, start=1) if arrival.event.is_voiding],
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


def stored(row: Any) -> StoredStatement:
    """Return a row of COLUMNS as a statement."""
    _, _, _, statement_id, original, stored_at, key, version, person, account, is_test, is_void = row
    return StoredStatement(
        str(statement_id), original, stored_at, key, XapiVersion(version), person, account, is_test, is_void
    )


def _page(rows: Sequence[Any], before: tuple[int, int, int], *, has_more: bool) -> ArrivalPage:
    last = (rows[-1][0], rows[-1][1], rows[-1][2]) if rows else before
    return ArrivalPage(tuple(stored(row) for row in rows), last, has_more)
