"""The SQL that fills what statements are found by, in the transaction that stores them.

Rows are added in the order of arrival. The one exception: a statement that came before the one it refers to is found
by more since then, so the places of its rows grow, in the order of the rows' keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from services.learning_events.domain.arrival import Arrival, Writer
from services.learning_events.domain.search import Place
from services.learning_events.domain.terms import agent_term, key_term
from services.learning_events.handlers.ports import Referral
from shared.runtime.postgres import Connection

_INHERIT: Final = """
INSERT INTO searchable AS known (term, stored_at, xid, epoch, organisation, places)
SELECT new.term, new.stored_at, new.xid::xid8, new.epoch, $1, array_agg(new.place)
FROM unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::integer[], $6::smallint[])
    AS new (term, stored_at, xid, epoch, place)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3
ON CONFLICT (term, stored_at, xid) DO UPDATE
SET places = ARRAY(SELECT DISTINCT unnest(known.places || excluded.places))
"""
_ADD_REFERRALS: Final = """
INSERT INTO referrals (organisation, is_test, stored_at, epoch, target, referring, place)
SELECT $1, $2, $3, (SELECT epoch FROM backbone.epochs), new.*
FROM unnest($4::uuid[], $5::uuid[], $6::integer[]) AS new
RETURNING target, referring, stored_at, xid::text, epoch, place
"""
_REFERRALS: Final = """
SELECT target, referring, stored_at, xid::text, epoch, place FROM referrals
WHERE organisation = $1 AND is_test = $2 AND target = ANY($3::uuid[]) LIMIT $4
"""
_ORIGINALS: Final = """
SELECT id, original FROM statements
WHERE organisation = $1 AND is_test = $2 AND id = ANY($3::uuid[]) AND original IS NOT NULL
"""
_FORGET: Final = """
DELETE FROM searchable AS s USING unnest($1::bigint[], $2::timestamptz[], $3::text[]) AS named (term, stored_at, xid)
WHERE s.term = named.term AND s.stored_at = named.stored_at AND s.xid = named.xid::xid8
"""
_LOSE_PLACES: Final = """
UPDATE searchable AS s SET places = ARRAY(SELECT unnest(s.places) EXCEPT SELECT unnest(lost.places::smallint[]))
FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[]) AS lost (term, stored_at, xid, places)
WHERE s.term = lost.term AND s.stored_at = lost.stored_at AND s.xid = lost.xid::xid8
"""
_DROP_EMPTY: Final = f"{_FORGET} AND s.places = '{{}}'"

Row = tuple[int, datetime, str]
"""The key of a row of the index: a term's, the time and the number of a transaction."""


def add(organisation: str, stored_at: str, terms: str, places: str) -> str:
    """Return the SQL that adds rows, by the names of its parameters; the last two are what `rows_of` returns."""
    return f"""
INSERT INTO searchable (term, stored_at, xid, epoch, organisation, places)
SELECT named.term, {stored_at}, pg_current_xact_id(), (SELECT epoch FROM backbone.epochs), {organisation},
    named.places::smallint[]
FROM unnest({terms}::bigint[], {places}::text[]) AS named (term, places)
"""  # noqa: S608 - constants


_ADD: Final = add("$1", "$2", "$3", "$4")


@lru_cache(maxsize=65_536)
def term_key(organisation: str, is_test: bool, term: str) -> int:
    """Return the 64 bits of BLAKE2b, signed, that stand for a term of an organisation's real or test data."""
    text = f"{organisation} {is_test:d} {term}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, person=b"deedterm").digest(), "big", signed=True)


async def add_arrivals(
    connection: Connection, writer: Writer, arrivals: Mapping[int, Arrival], stored_at: datetime
) -> None:
    """Have these new statements found by what they say and by their key. arrivals: by their place, from 1."""
    terms, places = rows_of(writer, arrivals)
    if terms:
        await connection.execute(_ADD, writer.organisation, stored_at, terms, places)


def rows_of(writer: Writer, arrivals: Mapping[int, Arrival]) -> tuple[list[int], list[str]]:
    """Return what statements are found by, in order, and of each the places, which are the text of an array.

    It is text because the driver knows no array of arrays that differ in length.
    """
    organisation, is_test, key = writer.organisation, writer.is_test, key_term(writer.key)
    places: dict[str, list[str]] = {}
    found: list[str] = []
    for place, arrival in arrivals.items():
        names = arrival.statement.terms
        if names:
            text = str(place)
            found.append(text)
            for name in names:
                if name in places:
                    places[name].append(text)
                else:
                    places[name] = [text]
    if found:
        places[key] = found
    rows = sorted([(term_key(organisation, is_test, name), f"{{{','.join(at)}}}") for name, at in places.items()])
    return [term for term, _ in rows], [at for _, at in rows]


async def add_referrals(
    connection: Connection, writer: Writer, stored_at: datetime, rows: Sequence[tuple[str, str, int]]
) -> list[Referral]:
    """Have kept which new statements refer to which. rows: target, the one that refers, its place."""
    targets, referring, places = (list(column) for column in zip(*rows, strict=True))
    found = await connection.fetch(
        _ADD_REFERRALS, writer.organisation, writer.is_test, stored_at, targets, referring, places
    )
    return [_referral(row) for row in found]


async def referrals(connection: Connection, writer: Writer, targets: Collection[str], limit: int) -> list[Referral]:
    """Return kept statements that refer to these."""
    found = await connection.fetch(_REFERRALS, writer.organisation, writer.is_test, list(targets), limit)
    return [_referral(row) for row in found]


async def originals(connection: Connection, writer: Writer, ids: Collection[str]) -> dict[str, bytes]:
    """Return those of the statements that are kept and not erased."""
    rows = await connection.fetch(_ORIGINALS, writer.organisation, writer.is_test, list(ids))
    return {str(row[0]): row[1] for row in rows}


async def add_terms(connection: Connection, writer: Writer, rows: Iterable[tuple[str, Referral]]) -> None:
    """Have statements that refer to others found by further terms. Safe to repeat."""
    columns: tuple[list[Any], ...] = ([], [], [], [], [])
    for term, one in rows:
        key = term_key(writer.organisation, writer.is_test, term)
        for column, value in zip(
            columns, (key, one.at.stored_at, str(one.at.xid), one.epoch, one.at.place), strict=True
        ):
            column.append(value)
    await connection.execute(_INHERIT, writer.organisation, *columns)


async def forget_actors(connection: Connection, rows: Iterable[tuple[str, bool, str, datetime, str]]) -> None:
    """Have these actors' statements found by their actors no more.

    rows: organisation, kind of data, the actor's canonical text, and the time and the number of the transaction.
    """
    named = [
        (term_key(organisation, is_test, agent_term(actor, is_broad=is_broad)), stored_at, xid)
        for organisation, is_test, actor, stored_at, xid in rows
        for is_broad in (False, True)
    ]
    await forget_rows(connection, named)


async def forget_rows(connection: Connection, rows: Collection[Row]) -> None:
    """Have nothing found by these rows."""
    if rows:
        await connection.execute(_FORGET, *[list(column) for column in zip(*sorted(rows), strict=True)])


async def lose_places(connection: Connection, lost: Mapping[Row, Set[int]]) -> None:
    """Have the statements at these places of their transactions found by these rows no more."""
    if not lost:
        return
    rows = sorted(lost)
    columns = [list(column) for column in zip(*rows, strict=True)]
    places = ["{" + ",".join(map(str, sorted(lost[row]))) + "}" for row in rows]
    await connection.execute(_LOSE_PLACES, *columns, places)
    await connection.execute(_DROP_EMPTY, *columns)


def _referral(row: Any) -> Referral:
    target, referring, stored_at, xid, epoch, place = row
    return Referral(str(target), str(referring), Place(stored_at, int(xid), place), epoch)
