"""The SQL that has statements found which were stored without what they are found by, page by page.

Where it stands is a row of `index_backfills` a store; whoever searches is told by `X-Experience-API-Consistent-Through`
that what is not filled may be missed. Statements that are found already are left as they are: a page may be repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any, Final, cast

from services.learning_events.domain.arrival import Writer
from services.learning_events.domain.search import Place
from services.learning_events.domain.terms import ANY, key_term, target_of_reference, terms_of
from services.learning_events.handlers.ports import Referral
from services.learning_events.handlers.referring import inherit
from services.learning_events.store import search_index
from services.learning_events.store.gate import hold_gate
from services.learning_events.store.search_index import term_key
from shared.kernel import canonical_json
from shared.runtime import telemetry
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

FILLED_AT_ONCE: Final = 200
"""Statements looked at in one transaction: some 1,600 rows of the index."""

_OPEN: Final = """
SELECT organisation, is_test, through, epoch, xid::text, place FROM index_backfills
ORDER BY organisation, is_test LIMIT 1
"""
_STILL: Final = """
SELECT true FROM index_backfills WHERE organisation = $1 AND is_test = $2
    AND (epoch, xid, place) = ($3, $4::text::xid8, $5) FOR UPDATE
"""
_PAGE: Final = """
SELECT epoch, xid::text, place, id, stored_at, key, original FROM statements
WHERE organisation = $1 AND is_test = $2 AND (epoch, xid, place) > ($3, $4::text::xid8, $5)
ORDER BY statements.epoch, statements.xid, statements.place LIMIT $6
"""
# One look by the key for each, whatever else the planner may believe.
_MISSING: Final = """
SELECT at.number FROM unnest($2::timestamptz[], $3::text[], $4::smallint[]) WITH ORDINALITY
    AS at (stored_at, xid, place, number)
WHERE (SELECT at.place = ANY(q.places) FROM searchable AS q
    WHERE q.term = $1 AND q.stored_at = at.stored_at AND q.xid = at.xid::xid8) IS NOT TRUE
ORDER BY at.number
"""
_ADD_REFERRALS: Final = """
INSERT INTO referrals (organisation, is_test, stored_at, epoch, xid, place, target, referring)
SELECT $1, $2, new.stored_at, new.epoch, new.xid::xid8, new.place, new.target, new.referring
FROM unnest($3::timestamptz[], $4::integer[], $5::text[], $6::integer[], $7::uuid[], $8::uuid[])
    AS new (stored_at, epoch, xid, place, target, referring)
ON CONFLICT DO NOTHING
"""
_MOVE: Final = """
UPDATE index_backfills SET epoch = $3, xid = $4::text::xid8, place = $5, behind = greatest(behind, $6)
WHERE organisation = $1 AND is_test = $2
"""
_DONE: Final = "DELETE FROM index_backfills WHERE organisation = $1 AND is_test = $2"


class PostgresBackfill:
    """The index of all organisations, as far as it is not filled."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def fill_some(self) -> bool:
        """Have some more statements found, and say whether all are. Safe to run beside others: one of them does it."""
        async with self._backbone.reading() as connection:
            row = await connection.fetchrow(_OPEN)
        if row is None:
            return True
        organisation, is_test, through, *begin = row
        async with self._backbone.backbone() as tx:
            await hold_gate(tx.connection, organisation)
            if await tx.connection.fetchrow(_STILL, organisation, is_test, *begin) is None:
                return False
            page = await tx.connection.fetch(_PAGE, organisation, is_test, *begin, FILLED_AT_ONCE)
            old = list(takewhile(lambda one: one["stored_at"] <= through, page))
            await _fill(tx.connection, Writer(organisation, "", is_test), old)
            tx.after_commit(partial(telemetry.BACKFILLED.labels(self._backbone.name).inc, len(old)))
            if len(old) < FILLED_AT_ONCE:
                await tx.connection.execute(_DONE, organisation, is_test)
            else:
                last = old[-1]
                await tx.connection.execute(_MOVE, organisation, is_test, *last[:3], last["stored_at"])
        return False


async def _fill(connection: Connection, writer: Writer, rows: Sequence[Any]) -> None:
    """Have those of these found that are not, by what they say, and by what those say that they refer to."""
    everything = term_key(writer.organisation, writer.is_test, ANY)
    columns = [[row[name] for row in rows] for name in ("stored_at", "xid", "place")]
    numbers = {number for (number,) in await connection.fetch(_MISSING, everything, *columns)}
    missing = [row for number, row in enumerate(rows, start=1) if number in numbers and row["original"] is not None]
    if not missing:
        return
    places = {str(row["id"]): _referral(row, "") for row in missing}
    said = {str(row["id"]): cast("dict[str, Any]", _read(row["original"])) for row in missing}
    own = {name: terms_of(one) for name, one in said.items()}
    keys = {str(row["id"]): key_term(row["key"]) for row in missing}
    found = [(term, places[name]) for name, terms in own.items() for term in (*terms, keys[name])]
    await search_index.add_terms(connection, writer, found)
    targets = {name: target for name, one in said.items() if (target := target_of_reference(one)) is not None}
    await inherit(_Filling(connection, writer, places), own, targets, own.keys())


@dataclass
class _Filling:
    """What refers to what, as the transaction sees it that fills. places: of the statements it fills."""

    connection: Connection
    writer: Writer
    places: Mapping[str, Referral]

    async def add_referrals(self, referrals: Sequence[tuple[str, str]]) -> Sequence[Referral]:
        """Keep which of them refer to which, and return them."""
        found = [Referral(target, name, self.places[name].at, self.places[name].epoch) for target, name in referrals]
        rows = [(r.at.stored_at, r.epoch, str(r.at.xid), r.at.place, r.target, r.referring) for r in found]
        columns = [list(column) for column in zip(*rows, strict=True)]
        await self.connection.execute(_ADD_REFERRALS, self.writer.organisation, self.writer.is_test, *columns)
        return found

    async def referrals(self, targets: Collection[str], limit: int) -> Sequence[Referral]:
        """Return kept statements that refer to these."""
        return await search_index.referrals(self.connection, self.writer, targets, limit)

    async def originals(self, ids: Collection[str]) -> Mapping[str, bytes]:
        """Return those of the statements that are kept and not erased."""
        return await search_index.originals(self.connection, self.writer, ids)

    async def add_terms(self, rows: Sequence[tuple[str, Referral]]) -> None:
        """Have statements that refer to others found by further terms. Safe to repeat."""
        await search_index.add_terms(self.connection, self.writer, rows)


def _referral(row: Any, target: str) -> Referral:
    return Referral(target, str(row["id"]), Place(row["stored_at"], int(row["xid"]), row["place"]), row["epoch"])


def _read(original: bytes) -> Any:
    return canonical_json.loads(original, bytes_max=len(original))
