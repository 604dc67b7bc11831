"""The only place with SQL about documents.

A place is held by an advisory lock, because a row that is not there yet cannot be locked: of two writers who both saw
nothing, or both the same, one decides after the other. The row, where there is one, is locked after it, so that what
clears a shelf waits; those that clear take rows in the order of their keys.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from services.learning_events.domain.document import Document, Holder, Place, Shelf
from shared.kernel.hashing import tagged
from shared.runtime import telemetry
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Transaction

CLEARED_AT_ONCE: Final = 500

_HOLD: Final = "SELECT pg_advisory_xact_lock($1)"
_AT_PLACE: Final = "organisation = $1 AND is_test = $2 AND shelf = $3 AND registration = $4 AND name = $5"
_FIND: Final = f"SELECT content, media_type, modified_at FROM documents WHERE {_AT_PLACE}"  # noqa: S608 - a constant
_KEEP: Final = """
INSERT INTO documents (organisation, is_test, shelf, registration, name, resource, person, content, media_type,
    modified_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (organisation, is_test, shelf, registration, name) DO UPDATE
SET person = excluded.person, content = excluded.content, media_type = excluded.media_type,
    modified_at = excluded.modified_at
"""
_CLEAR: Final = f"DELETE FROM documents WHERE {_AT_PLACE}"  # noqa: S608 - a constant
_ON_SHELF: Final = "organisation = $1 AND is_test = $2 AND shelf = $3 AND ($4::text IS NULL OR registration = $4)"
_NAMES: Final = f"""
SELECT DISTINCT name COLLATE "C" AS name FROM documents
WHERE {_ON_SHELF} AND ($5::timestamptz IS NULL OR modified_at > $5) ORDER BY 1 LIMIT $6
"""  # noqa: S608 - a constant
_CLEAR_SOME: Final = f"""
DELETE FROM documents AS d USING (
    SELECT organisation, is_test, shelf, registration, name FROM documents WHERE {_ON_SHELF}
    ORDER BY registration, name LIMIT $5 FOR UPDATE) AS few
WHERE (d.organisation, d.is_test, d.shelf, d.registration, d.name)
    = (few.organisation, few.is_test, few.shelf, few.registration, few.name)
"""  # noqa: S608 - a constant
_ERASE_SOME: Final = """
DELETE FROM documents AS d USING (
    SELECT organisation, is_test, shelf, registration, name FROM documents WHERE person = $1
    ORDER BY organisation, is_test, shelf, registration, name LIMIT $2 FOR UPDATE) AS few
WHERE (d.organisation, d.is_test, d.shelf, d.registration, d.name)
    = (few.organisation, few.is_test, few.shelf, few.registration, few.name)
"""


class PostgresDocuments:
    """The documents of all organisations; a door's transaction sees those of its own."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    @asynccontextmanager
    async def held(self, holder: Holder, place: Place) -> AsyncIterator[PostgresPlace]:
        """Hold a place and open a transaction on it. Raises DatabaseUnavailable; nothing was changed then."""
        async with self._backbone.door(holder.organisation) as tx:
            await tx.connection.execute(_HOLD, _lock_key(holder, place))
            row = await tx.connection.fetchrow(_FIND + " FOR UPDATE", *_key(holder, place))
            yield PostgresPlace(tx, holder, place, _document(row))

    async def find(self, holder: Holder, place: Place) -> Document | None:
        """Return what stands at a place."""
        async with self._backbone.door(holder.organisation) as tx:
            return _document(await tx.connection.fetchrow(_FIND, *_key(holder, place)))

    async def names(
        self, holder: Holder, shelf: Shelf, registration: str | None, since: datetime | None, limit: int
    ) -> Sequence[str]:
        """Return up to `limit` names of a shelf, sorted by code points, each once."""
        async with self._backbone.door(holder.organisation) as tx:
            key = (holder.organisation, holder.is_test, shelf.key, registration)
            found = [row[0] for row in await tx.connection.fetch(_NAMES, *key, since, limit)]
        if len(found) == limit:
            telemetry.count_bound("learning-events-document-names")
        return found

    async def clear(self, holder: Holder, shelf: Shelf, registration: str | None) -> None:
        """Have nothing stand on a shelf; CLEARED_AT_ONCE a transaction. One that fails leaves the later ones."""
        key = (holder.organisation, holder.is_test, shelf.key, registration)
        while True:
            async with self._backbone.door(holder.organisation) as tx:
                told = await tx.connection.execute(_CLEAR_SOME, *key, CLEARED_AT_ONCE)
            if _count(told) < CLEARED_AT_ONCE:
                return

    async def erase(self, person: str) -> None:
        """Have removed every document about this person, in all organisations. Safe to repeat."""
        while True:
            async with self._backbone.backbone() as tx:
                told = await tx.connection.execute(_ERASE_SOME, person, CLEARED_AT_ONCE)
            if _count(told) < CLEARED_AT_ONCE:
                return


class PostgresPlace:
    """One place, held until its transaction ends."""

    def __init__(self, tx: Transaction, holder: Holder, place: Place, document: Document | None) -> None:
        self.document = document
        self._tx = tx
        self._key = _key(holder, place)
        self._resource = place.shelf.resource

    async def keep(self, document: Document, person: str | None) -> None:
        """Have this stand there."""
        told = (document.content, document.media_type, document.modified_at)
        await self._tx.connection.execute(_KEEP, *self._key, self._resource.value, person, *told)

    async def clear(self) -> None:
        """Have nothing stand there."""
        await self._tx.connection.execute(_CLEAR, *self._key)


def _key(holder: Holder, place: Place) -> tuple[str, bool, bytes, str, str]:
    return holder.organisation, holder.is_test, place.shelf.key, place.registration, place.name


def _lock_key(holder: Holder, place: Place) -> int:
    """Return the lock of a place. That two places share one costs a little waiting and nothing else."""
    words = (holder.organisation, str(holder.is_test), place.registration, place.name)
    parts = (place.shelf.key, *(word.encode() for word in words))
    return int.from_bytes(tagged("document-place", *parts)[:8], "big", signed=True)


def _document(row: Any) -> Document | None:
    return None if row is None else Document(row[0], row[1], row[2])


def _count(told: str) -> int:
    """Return the rows in what Postgres tells of a DELETE: `DELETE 7`."""
    return int(told.rpartition(" ")[2])
