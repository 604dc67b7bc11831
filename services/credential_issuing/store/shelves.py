"""Credentials and keys for readers, through the role of the doors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from services.credential_issuing.domain.did_web import IssuerKey
from services.credential_issuing.handlers.reading import StoredCredential
from shared.kernel.ids import CredentialId, PersonId
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

_STORED: Final = """
SELECT c.id, c.person, c.skill, c.level, c.rule, c.fact_id::text, c.estimate::text, c.issued_at, c.valid_until, l.url,
    c.index, e.revoked_at, e.reason, c.document
FROM credentials c JOIN status_entries e USING (list, index) JOIN status_lists l ON l.id = c.list
"""
_ONE: Final = _STORED + "WHERE c.id = $1"
_OF_PEOPLE: Final = f"""{_STORED}
WHERE c.person = ANY($1::text[]) AND ($2::text IS NULL OR c.id < $2) ORDER BY c.id DESC LIMIT $3
"""
_FAMILY: Final = """
WITH RECURSIVE sure AS NOT MATERIALIZED (
    SELECT a.alias, a.canonical FROM aliases a WHERE NOT EXISTS (
        SELECT FROM positions p WHERE p.source = 'identity' AND p.subject IN (a.alias, a.canonical)
        AND p.parked_number IS NOT NULL)),
up (person) AS (
    SELECT $1::text UNION SELECT sure.canonical FROM sure JOIN up ON sure.alias = up.person),
down (person) AS (
    SELECT person FROM up UNION SELECT sure.alias FROM sure JOIN down ON sure.canonical = down.person)
SELECT person FROM down
"""
"""A merge opens nothing while a stream that may take it back is parked."""
_KEYS: Final = "SELECT multikey, has_leaked FROM issuer_keys WHERE did = $1 ORDER BY added_at, multikey"


class PostgresShelves:
    """Every credential and key."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[PostgresShelf]:
        """Open a transaction that only reads. Raises DatabaseUnavailable."""
        async with self._backbone.door(None) as tx:
            yield PostgresShelf(tx.connection)


class PostgresShelf:
    """Credentials and keys in one open transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def family(self, person: PersonId) -> frozenset[PersonId]:
        """Return everybody who is one person with `person` beyond doubt, themself included."""
        return frozenset(PersonId(row[0]) for row in await self._connection.fetch(_FAMILY, person))

    async def credential(self, credential: CredentialId) -> StoredCredential | None:
        """Return a credential."""
        row = await self._connection.fetchrow(_ONE, credential)
        return None if row is None else _stored(row)

    async def credentials(
        self, people: Collection[PersonId], before: CredentialId | None, limit: int
    ) -> Sequence[StoredCredential]:
        """Return up to `limit` credentials of these people, newest first, older than `before`."""
        return [_stored(row) for row in await self._connection.fetch(_OF_PEOPLE, list(people), before, limit)]

    async def keys(self, did: str) -> Sequence[IssuerKey]:
        """Return every key this issuer ever signed with, oldest first."""
        return [IssuerKey(row[0], row[1]) for row in await self._connection.fetch(_KEYS, did)]


def _stored(row: Any) -> StoredCredential:
    return StoredCredential(*row)
