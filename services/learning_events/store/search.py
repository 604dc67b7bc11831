"""The SQL of searches: statements in the order in which they were stored, by what they are found by.

The rows of one term are read in that order, and each is met with the rows of the other terms of its transaction. How
much one look may read is bounded: what it found by then is a page, and the next one goes on behind it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from services.learning_events.domain.search import Found, Place, Search
from services.learning_events.domain.served import StoredStatement
from services.learning_events.handlers.ports import Matches, Reader
from services.learning_events.store.search_index import term_key
from services.learning_events.store.statements import COLUMNS, IS_VOID, stored
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

SAMPLE_ROWS: Final = 250
"""The rarer a term is, the further from the start its so-manieth row lies; a rare one has not so many."""

# What a writer stores that is not seen yet has a later time than its transaction's begin, or than this question. What
# was stored before there was an index is seen once it is filled (`backfill.py`), whosever it is.
_CONSISTENT_THROUGH: Final = """
SELECT least(statement_timestamp(), min(xact_start), (SELECT min(behind) FROM index_backfills)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""
_AT: Final = """
FROM unnest($4::integer[], $5::text[], $6::integer[]) WITH ORDINALITY AS at (epoch, xid, place, number)
CROSS JOIN LATERAL (
    SELECT * FROM statements AS one WHERE one.organisation = $1 AND one.is_test = $2 AND one.epoch = at.epoch
        AND one.xid = at.xid::xid8 AND one.place = at.place AND ($3::text IS NULL OR one.key = $3) LIMIT 1
) AS s WHERE s.original IS NOT NULL
"""
_VISIBLE: Final = f"""
SELECT at.number, octet_length(s.original), {IS_VOID} {_AT} ORDER BY at.number
"""
_READ: Final = f"SELECT {COLUMNS} {_AT} ORDER BY at.number"
# A row of its own for each, behind LIMIT: so each is asked for by its key, and none once enough were found.
_MET: Final = """ CROSS JOIN LATERAL (
    SELECT q.places FROM searchable AS q
    WHERE q.term = ${number} AND q.stored_at = e.stored_at AND q.xid = e.xid LIMIT 1
) AS met{number}"""


class PostgresCatalogues:
    """What the statements of all organisations are found by; a door's transaction sees those of its own."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    @asynccontextmanager
    async def opened(self, reader: Reader) -> AsyncIterator[PostgresCatalogue]:
        """Open a transaction of a reader. Raises DatabaseUnavailable."""
        async with self._backbone.door(reader.organisation) as tx:
            yield PostgresCatalogue(tx.connection, reader)


class PostgresCatalogue:
    """One open transaction of a reader that searches."""

    def __init__(self, connection: Connection, reader: Reader) -> None:
        self._connection = connection
        self._reader = reader

    async def consistent_through(self) -> datetime:
        """Return up to when everything that was stored is seen by what is asked next, and by all after it.

        Writers take the time of what they store from this clock, after their transaction shows in the activity that is
        read here: who is not seen there stores at a later time than now.
        """
        through: datetime = await self._connection.fetchval(_CONSISTENT_THROUGH)
        return through - timedelta(microseconds=1)

    async def by_rarity(self, terms: Sequence[str], search: Search) -> list[str]:
        """Return these terms, the rarest from the search's start on first; those alike stay in their order."""
        named = list(dict.fromkeys(terms))
        if len(named) == 1:
            return named
        start = search.start
        keys = [self._key(term) for term in named]
        rows = await self._connection.fetch(
            _reach(search.is_ascending), keys, search.since, search.until, start.stored_at, str(start.xid), SAMPLE_ROWS
        )
        reach = {term: row[0] for term, row in zip(named, rows, strict=True)}
        common = sorted((term for term in named if reach[term] is not None), key=lambda term: reach[term])
        return [term for term in named if reach[term] is None] + (common[::-1] if search.is_ascending else common)

    async def matches(self, terms: Sequence[str], search: Search, wanted: int, lookups_max: int) -> Matches:
        """Return up to `wanted` statements that are found by all these terms, the first being read through."""
        first, *others = (self._key(term) for term in terms)
        start = search.start
        bounds = (first, search.since, search.until, start.stored_at, str(start.xid))
        # A row of one term alone holds a statement at least; twice as many leave room for what is void.
        rows_max = max(1, lookups_max // len(others)) if others else min(lookups_max, 2 * wanted)
        enough = wanted if others else rows_max
        question = _rows(len(others), search.is_ascending)
        rows = await self._connection.fetch(question, *bounds, rows_max, enough, *others)
        found = tuple(islice(_in_all(rows, search), wanted))
        if len(found) == wanted:
            return Matches(found, found[-1].at)
        if len(rows) == enough:
            return Matches(found, search.behind(rows[-1][0], int(rows[-1][2])))
        last = await self._connection.fetchrow(_last(search.is_ascending), *bounds, rows_max) if others else None
        return Matches(found, None if last is None else search.behind(last[0], int(last[1])))

    async def visible(self, found: Sequence[Found]) -> list[tuple[Found, int]]:
        """Return those that this reader may see and that are not void or erased, each with its bytes."""
        rows = await self._connection.fetch(_VISIBLE, *self._at(found))
        return [(found[number - 1], size) for number, size, is_void in rows if not is_void]

    async def read(self, found: Sequence[Found]) -> list[StoredStatement]:
        """Return these statements, in order."""
        return [stored(row) for row in await self._connection.fetch(_READ, *self._at(found))]

    def _key(self, term: str) -> int:
        return term_key(self._reader.organisation, self._reader.is_test, term)

    def _at(self, found: Sequence[Found]) -> tuple[Any, ...]:
        epochs = [one.epoch for one in found]
        xids = [str(one.at.xid) for one in found]
        reader = self._reader
        return reader.organisation, reader.is_test, reader.only_key, epochs, xids, [one.at.place for one in found]


@lru_cache
def _reach(is_ascending: bool) -> str:
    """Return the question for when the $6-th row of each term of $1 was stored, within bounds as in `_rows`."""
    direction, from_on = _order(is_ascending)
    return f"""
SELECT (
    SELECT s.stored_at FROM searchable AS s WHERE s.term = named.term AND s.stored_at > $2 AND s.stored_at <= $3
        AND (s.stored_at, s.xid) {from_on} ($4, $5::text::xid8)
    ORDER BY s.stored_at {direction}, s.xid {direction} OFFSET $6::bigint - 1 LIMIT 1
) FROM unnest($1::bigint[]) WITH ORDINALITY AS named (term, number) ORDER BY named.number
"""  # noqa: S608 - constants


@lru_cache
def _rows(others: int, is_ascending: bool) -> str:
    """Return the question for up to $7 of the first $6 rows of term $1 stored after $2 and up to $3, in order.

    They begin at ($4, $5). Beside each stand the places of `others` more terms, from $8 on, in the same transaction;
    where one has none in common with the row, the row is left out. They are not joined as they are: the planner would
    sort and hash all rows of a term for it.
    """
    direction, _ = _order(is_ascending)
    numbers = range(8, 8 + others)
    met = "".join(_MET.format(number=number) for number in numbers)
    places = "".join(f", met{number}.places" for number in numbers)
    common = " AND ".join(["true", *(f"e.places && met{number}.places" for number in numbers)])
    return f"""
SELECT e.stored_at, e.epoch, e.xid::text, e.places{places} FROM (
    SELECT stored_at, epoch, xid, places FROM {_named(is_ascending)} LIMIT $6
) AS e{met} WHERE {common} ORDER BY e.stored_at {direction}, e.xid {direction} LIMIT $7
"""  # noqa: S608 - numbers and constants


@lru_cache
def _last(is_ascending: bool) -> str:
    """Return the question for the $6-th of the rows that `_rows` looks at; there is none where they are fewer."""
    return f"SELECT stored_at, xid::text FROM {_named(is_ascending)} OFFSET $6::bigint - 1 LIMIT 1"  # noqa: S608


def _named(is_ascending: bool) -> str:
    """Return the rows of term $1 within $2 and $3 from ($4, $5) on, in order."""
    direction, from_on = _order(is_ascending)
    return f"""searchable
    WHERE term = $1 AND stored_at > $2 AND stored_at <= $3 AND (stored_at, xid) {from_on} ($4, $5::text::xid8)
    ORDER BY stored_at {direction}, searchable.xid {direction}"""


def _order(is_ascending: bool) -> tuple[str, str]:
    return ("ASC", ">=") if is_ascending else ("DESC", "<=")


def _in_all(rows: Sequence[Any], search: Search) -> Iterator[Found]:
    """Yield the statements whose places stand in all arrays of a row, in order, from where the search goes on."""
    for stored_at, epoch, xid, places, *others in rows:
        common = set(places).intersection(*(other or () for other in others))
        for place in sorted(common, reverse=not search.is_ascending):
            at = Place(stored_at, int(xid), place)
            if at > search.start if search.is_ascending else at < search.start:
                yield Found(at, epoch)
