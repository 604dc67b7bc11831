"""The SQL of retention: who keeps what how long, what is too old, and how it goes, step by step.

A statement goes as it does in an erasure: its row is emptied and its id stays, so that it is not stored anew when it is
sent again. Its account stays too, which tells it from an erased one: its fact still stands, and can still be voided.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from itertools import accumulate, takewhile
from typing import Any, Final, cast

from services.learning_events.domain.activity_definition import activity_key, given_definitions
from services.learning_events.domain.arrival import Writer
from services.learning_events.domain.retention import FOR_EVER, Policy
from services.learning_events.domain.search import Place
from services.learning_events.domain.terms import ANY, activity_term, key_term, target_of_reference, terms_of
from services.learning_events.handlers.ports import Referral
from services.learning_events.handlers.referring import inherited_from
from services.learning_events.handlers.retaining import Preview, Standing, Store
from services.learning_events.store import search_index
from services.learning_events.store.attachments import forget_attached
from services.learning_events.store.gate import hold_gate, share_gate
from services.learning_events.store.search_index import Row, term_key
from shared.kernel import canonical_json
from shared.runtime import telemetry
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

REMOVED_AT_ONCE: Final = 500
"""Statements, of whole transactions: none stored more, so one more row shows where the last one of them ends."""
REMOVED_BYTES_AT_ONCE: Final = 16 << 20
"""Bytes of statements looked at in one step; the first transaction whatever it has."""
COUNTED_MAX: Final = 1_000_000
"""Rows of the index, and documents, that a preview counts: about a second."""

_SET: Final = """
INSERT INTO retention (organisation, is_test, days, has_documents, set_at, set_by) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (organisation, is_test) DO UPDATE SET days = excluded.days, has_documents = excluded.has_documents,
    set_at = excluded.set_at, set_by = excluded.set_by, swept_at = NULL
"""
_STANDING: Final = """
SELECT days, has_documents, set_at, set_by, removed, documents_removed, swept_at FROM retention
WHERE organisation = $1 AND is_test = $2
"""
_DUE: Final = """
SELECT organisation, is_test, days, has_documents FROM retention AS r WHERE days IS NOT NULL
    AND NOT EXISTS (SELECT FROM index_backfills AS b WHERE b.organisation = r.organisation AND b.is_test = r.is_test)
ORDER BY organisation, is_test
"""
_COUNT_STATEMENTS: Final = """
SELECT coalesce(sum(cardinality(places)), 0), count(*) FROM (
    SELECT places FROM searchable WHERE term = $1 AND stored_at < $2 ORDER BY stored_at, xid LIMIT $3) AS found
"""
_COUNT_ENTITIES: Final = """
SELECT count(*) FROM (SELECT FROM originals
    WHERE organisation = $1 AND is_test = $2 AND entity IS NOT NULL AND stored_at < $3 LIMIT $4) AS found
"""
_COUNT_DOCUMENTS: Final = """
SELECT count(*) FROM (SELECT FROM documents
    WHERE organisation = $1 AND is_test = $2 AND modified_at < $3 LIMIT $4) AS found
"""
_PLACE: Final = "SELECT epoch, xid::text, place FROM retention WHERE organisation = $1 AND is_test = $2 AND days = $3"
_STILL: Final = f"{_PLACE} AND (epoch, xid, place) = ($4, $5::text::xid8, $6) FOR UPDATE"
_MOVE: Final = """
UPDATE retention SET epoch = $3, xid = $4::text::xid8, place = $5, removed = removed + $6
WHERE organisation = $1 AND is_test = $2
"""
_OLDEST: Final = """
SELECT epoch, xid::text, place, id, stored_at, key, coalesce(octet_length(original), 0) AS bytes FROM statements
WHERE organisation = $1 AND is_test = $2 AND (epoch, xid, place) > ($3, $4::text::xid8, $5)
    AND (epoch, xid) < ((SELECT epoch FROM backbone.epochs), pg_snapshot_xmin(pg_current_snapshot()))
ORDER BY statements.epoch, statements.xid, statements.place LIMIT $6
"""
_ORIGINALS: Final = """
SELECT id, original FROM statements WHERE organisation = $1 AND id = ANY($2::uuid[]) AND original IS NOT NULL
ORDER BY id
"""
_EMPTY: Final = "UPDATE statements SET original = NULL WHERE organisation = $1 AND id = ANY($2::uuid[])"
_EMPTY_SENT: Final = """
UPDATE originals SET envelope = NULL, content = NULL, entity = NULL
WHERE organisation = $1 AND id = ANY($2::uuid[]) AND content IS NOT NULL
"""
_IS_ATTACHED: Final = "SELECT EXISTS (SELECT FROM attached WHERE organisation = $1 AND statement = ANY($2::uuid[]))"
# One look at the end of each term's rows, whatever else the planner may believe.
_LAST_NAMED: Final = """
SELECT term, (SELECT s.stored_at FROM searchable AS s WHERE s.term = named.term ORDER BY s.stored_at DESC LIMIT 1)
FROM unnest($1::bigint[]) AS named (term)
"""
_FORGET_DEFINITIONS: Final = """
DELETE FROM activity_definitions WHERE organisation = $1 AND is_test = $2 AND activity = ANY($3::bytea[])
"""
_FORGET_REFERRALS: Final = """
DELETE FROM referrals AS r USING unnest($3::uuid[], $4::uuid[]) AS gone (target, referring)
WHERE r.organisation = $1 AND r.is_test = $2 AND r.target = gone.target AND r.referring = gone.referring
"""
_DROP_ENTITIES: Final = """
DELETE FROM originals WHERE ctid = ANY(ARRAY(SELECT ctid FROM originals
    WHERE organisation = $1 AND is_test = $2 AND entity IS NOT NULL AND stored_at < $3 LIMIT $4 FOR UPDATE))
"""
_DROP_DOCUMENTS: Final = """
DELETE FROM documents WHERE ctid = ANY(ARRAY(SELECT ctid FROM documents
    WHERE organisation = $1 AND is_test = $2 AND modified_at < $3
    ORDER BY shelf, registration, name LIMIT $4 FOR UPDATE))
"""
_COUNT_DROPPED: Final = """
UPDATE retention SET documents_removed = documents_removed + $3 WHERE organisation = $1 AND is_test = $2
"""
_SWEPT: Final = "UPDATE retention SET swept_at = $4 WHERE organisation = $1 AND is_test = $2 AND days = $3"


class PostgresRetention:
    """Which policies there are; a door's transaction sees those of its organisation."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def standing(self, store: Store) -> Standing:
        """Return the policy of a store; the one that keeps for ever where none was set."""
        async with self._backbone.door(store.organisation) as tx:
            return _standing(await tx.connection.fetchrow(_STANDING, *_key(store)))

    async def set(self, store: Store, policy: Policy, by: str, at: datetime) -> Standing:
        """Have the policy hold from now on."""
        async with self._backbone.door(store.organisation) as tx:
            await tx.connection.execute(_SET, *_key(store), policy.days, policy.has_documents, at, by)
            return _standing(await tx.connection.fetchrow(_STANDING, *_key(store)))

    async def count_before(self, store: Store, before: datetime, *, has_documents: bool) -> Preview:
        """Return what was stored before a time and is still kept; of emptied statements some may be among them."""
        everything = term_key(*_key(store), ANY)
        async with self._backbone.door(store.organisation) as tx:
            ask = tx.connection.fetchval
            found = await tx.connection.fetchrow(_COUNT_STATEMENTS, everything, before, COUNTED_MAX)
            entities = await ask(_COUNT_ENTITIES, *_key(store), before, COUNTED_MAX)
            documents = await ask(_COUNT_DOCUMENTS, *_key(store), before, COUNTED_MAX) if has_documents else 0
        is_more = COUNTED_MAX in (found[1], entities, documents)
        return Preview(before, found[0], entities, documents, is_more)


class PostgresRemoval:
    """Removes what is too old, of all organisations."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def due(self) -> Sequence[tuple[Store, Policy]]:
        """Return every store whose policy removes anything, but for those whose index is still being filled."""
        async with self._backbone.reading() as connection:
            rows = await connection.fetch(_DUE)
        return [(Store(row[0], row[1]), Policy(row[2], row[3])) for row in rows]

    async def remove_some(self, store: Store, days: int, before: datetime) -> bool:
        """Have emptied some statements that were stored before then, the earliest; say whether none is left.

        One transaction, of at most REMOVED_AT_ONCE statements. Safe to run beside others: one of them does it.
        """
        async with self._backbone.reading() as connection:
            begin = await connection.fetchrow(_PLACE, *_key(store), days)
            if begin is None:
                return True
            rows = await connection.fetch(_OLDEST, *_key(store), *begin, REMOVED_AT_ONCE + 1)
            some = _whole_transactions(rows, before)
            if not some:
                return True
            needs_gate = await self._needs_gate(connection, store, some)
        async with self._backbone.backbone() as tx:
            await (hold_gate if needs_gate else share_gate)(tx.connection, store.organisation)
            if await tx.connection.fetchrow(_STILL, *_key(store), days, *begin) is not None:
                step = _Step(tx.connection, store, some)
                removed = await step.remove(has_gate=needs_gate)
                await tx.connection.execute(_MOVE, *_key(store), *some[-1][:3], removed)
                tx.after_commit(partial(telemetry.RETENTION_REMOVED.labels(self._backbone.name).inc, removed))
        return len(some) == len(rows) <= REMOVED_AT_ONCE

    async def remove_loose(self, store: Store, before: datetime, *, has_documents: bool) -> bool:
        """Have removed some entities, and documents where those are wanted; say whether none is left."""
        async with self._backbone.backbone() as tx:
            bounds = (*_key(store), before, REMOVED_AT_ONCE)
            entities = _count(await tx.connection.execute(_DROP_ENTITIES, *bounds))
            documents = _count(await tx.connection.execute(_DROP_DOCUMENTS, *bounds)) if has_documents else 0
            if documents:
                await tx.connection.execute(_COUNT_DROPPED, *_key(store), documents)
        return max(entities, documents) < REMOVED_AT_ONCE

    async def swept(self, store: Store, days: int, at: datetime) -> None:
        """Have it known that nothing older was left at this time, if these days still hold."""
        async with self._backbone.backbone() as tx:
            await tx.connection.execute(_SWEPT, *_key(store), days, at)

    async def _needs_gate(self, connection: Connection, store: Store, some: Sequence[Any]) -> bool:
        """Say whether what goes is shared with statements that may be stored at this moment."""
        ids = [row["id"] for row in some]
        if await connection.fetchval(_IS_ATTACHED, store.organisation, ids):
            return True
        kept = _statements(await connection.fetch(_ORIGINALS, store.organisation, ids))
        last = max(row["stored_at"] for row in some)
        return bool(await _no_more_named(connection, store, kept.values(), last))


@dataclass
class _Step:
    """One transaction that removes statements, all that their transactions stored."""

    connection: Connection
    store: Store
    rows: Sequence[Any]

    async def remove(self, *, has_gate: bool) -> int:
        """Have them emptied and found no more, and return how many were not empty before."""
        organisation, connection = self.store.organisation, self.connection
        kept = _statements(await connection.fetch(_ORIGINALS + "FOR UPDATE", organisation, self._ids))
        await self._unlink(kept)
        await search_index.forget_rows(connection, self._index_rows(kept))
        await connection.execute(_EMPTY, organisation, self._ids)
        await connection.execute(_EMPTY_SENT, organisation, self._ids)
        if has_gate:
            await forget_attached(connection, organisation, self._ids)
            last = max(row["stored_at"] for row in self.rows)
            gone = await _no_more_named(connection, self.store, kept.values(), last)
            await connection.execute(_FORGET_DEFINITIONS, *_key(self.store), [activity_key(one) for one in gone])
        return len(kept)

    @cached_property
    def _ids(self) -> list[Any]:
        return [row["id"] for row in self.rows]

    def _index_rows(self, kept: dict[str, dict[str, Any]]) -> set[Row]:
        """Return the rows by which these are found: what they say, their keys, and that they are there."""
        found: set[Row] = set()
        for row in self.rows:
            statement = kept.get(str(row["id"]))
            names = (ANY, key_term(row["key"]), *(() if statement is None else terms_of(statement)))
            found |= {(term_key(*_key(self.store), name), row["stored_at"], row["xid"]) for name in names}
        return found

    async def _unlink(self, kept: dict[str, dict[str, Any]]) -> None:
        """Have statements that refer to these found by these no more, and forget to what these referred."""
        targets = {name: target for name, one in kept.items() if (target := target_of_reference(one)) is not None}
        referring = [_referral(row, targets[str(row["id"])]) for row in self.rows if str(row["id"]) in targets]
        references = _References(self.connection, Writer(self.store.organisation, "", self.store.is_test))
        lost = await inherited_from(references, {name: terms_of(one) for name, one in kept.items()}, referring)
        places: dict[Row, set[int]] = {}
        for referral, terms in lost:
            for term in terms:
                row = (term_key(*_key(self.store), term), referral.at.stored_at, str(referral.at.xid))
                places.setdefault(row, set()).add(referral.at.place)
        await search_index.lose_places(self.connection, places)
        if targets:
            pairs = list(targets.values()), list(targets)
            await self.connection.execute(_FORGET_REFERRALS, *_key(self.store), *pairs)


@dataclass
class _References:
    """What refers to what, as a transaction sees it."""

    connection: Connection
    writer: Writer

    async def referrals(self, targets: Collection[str], limit: int) -> Any:
        """Return kept statements that refer to these."""
        return await search_index.referrals(self.connection, self.writer, targets, limit)

    async def originals(self, ids: Collection[str]) -> Any:
        """Return those of the statements that are kept."""
        return await search_index.originals(self.connection, self.writer, ids)


async def _no_more_named(
    connection: Connection, store: Store, statements: Collection[dict[str, Any]], last: datetime
) -> list[str]:
    """Return the Activities that these say something of and that nothing stored after `last` names."""
    told = {given.activity for one in statements for given in given_definitions(one)}
    keys = {term_key(*_key(store), activity_term(name, is_broad=True)): name for name in told}
    if not keys:
        return []
    rows = await connection.fetch(_LAST_NAMED, sorted(keys))
    return sorted(keys[term] for term, named_at in rows if named_at is None or named_at <= last)


def _whole_transactions(rows: Sequence[Any], before: datetime) -> Sequence[Any]:
    """Return the first of these rows that are old, up to the bounds, and of no transaction a part."""
    old = list(takewhile(lambda row: row["stored_at"] < before, rows))
    ends = [at for at in range(1, len(old)) if old[at][:2] != old[at - 1][:2]]
    if len(old) < len(rows) or len(rows) <= REMOVED_AT_ONCE:
        ends.append(len(old))
    bytes_to = list(accumulate((row["bytes"] for row in old), initial=0))
    within = [end for end in ends if bytes_to[end] <= REMOVED_BYTES_AT_ONCE]
    return old[: within[-1] if within else min(ends, default=len(old))]


def _statements(rows: Sequence[Any]) -> dict[str, dict[str, Any]]:
    return {str(row[0]): cast("dict[str, Any]", canonical_json.loads(row[1], bytes_max=len(row[1]))) for row in rows}


def _referral(row: Any, target: str) -> Referral:
    return Referral(target, str(row["id"]), Place(row["stored_at"], int(row["xid"]), row["place"]), row["epoch"])


def _standing(row: Any) -> Standing:
    return Standing(FOR_EVER) if row is None else Standing(Policy(row[0], row[1]), *row[2:])


def _key(store: Store) -> tuple[str, bool]:
    return store.organisation, store.is_test


def _count(told: str) -> int:
    """Return the rows in what Postgres tells of a change: `DELETE 7`."""
    return int(told.rpartition(" ")[2])
