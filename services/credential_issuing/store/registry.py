"""Entries and lists for the doors: revoking, and publishing what is revoked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from services.credential_issuing.handlers.revoking import PublishedList, Revocable, Revocation
from services.credential_issuing.store.ledger import REGISTER_KEY
from shared.events.fact import NewFact
from shared.kernel.ids import CredentialId, PersonId
from shared.runtime import faults
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Transaction
from shared.runtime.stream_store import StreamStore

_FIND: Final = "SELECT person, list, index FROM credentials WHERE id = $1"
_REVOKE: Final = """
UPDATE status_entries SET revoked_at = $3, reason = $4 WHERE list = $1 AND index = $2 AND revoked_at IS NULL
RETURNING true
"""
_REVOCATION: Final = "SELECT revoked_at, reason FROM status_entries WHERE list = $1 AND index = $2"
_PUBLISHED: Final = """
SELECT id, did, url, document, signed_at, coalesce(signed_revoked, 0) FROM status_lists WHERE id = $1
"""
_REVOKED: Final = "SELECT count(*) FROM status_entries WHERE list = $1 AND revoked_at IS NOT NULL"
_INDEXES: Final = "SELECT index FROM status_entries WHERE list = $1 AND revoked_at IS NOT NULL"
_PUBLISH: Final = "UPDATE status_lists SET document = $2, signed_revoked = $3, signed_at = $4 WHERE id = $1"


class PostgresRegistry:
    """The entries of every list."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[PostgresRegister]:
        """Open a transaction. Raises DatabaseUnavailable."""
        async with self._backbone.door(None) as tx:
            yield PostgresRegister(tx, self._backbone.store)
            await faults.point("credential-issuing.registered")


class PostgresRegister:
    """The entries in one open transaction."""

    def __init__(self, tx: Transaction, facts: StreamStore) -> None:
        self._tx = tx
        self._facts = facts

    async def find(self, credential: CredentialId) -> Revocable | None:
        """Return the credential, if there is one."""
        row = await self._tx.connection.fetchrow(_FIND, credential)
        return None if row is None else Revocable(PersonId(row[0]), row[1], row[2])

    async def lock(self, person: PersonId) -> None:
        """Hold the person's stream."""
        await self._tx.lock({person})

    async def revoke(self, found: Revocable, revocation: Revocation) -> bool:
        """Set the entry; return False when it was set before."""
        is_set = await self._tx.connection.fetchval(
            _REVOKE, found.list, found.index, revocation.revoked_at, revocation.reason
        )
        return is_set is True

    async def revocation(self, found: Revocable) -> Revocation:
        """Return why and since when the entry is set."""
        row = await self._tx.connection.fetchrow(_REVOCATION, found.list, found.index)
        return Revocation(row[0], row[1])

    async def tell(self, fact: NewFact) -> None:
        """Append the fact in the same transaction."""
        await self._facts.append(self._tx, [fact])

    async def published(self, number: int, *, is_held: bool) -> PublishedList | None:
        """Return a list; with `is_held`, nobody else signs it until the transaction ends."""
        query = _PUBLISHED + " FOR UPDATE" if is_held else _PUBLISHED
        row = await self._tx.connection.fetchrow(query, number)
        if row is None:
            return None
        revoked = await self._tx.connection.fetchval(_REVOKED, number)
        return PublishedList(row[0], row[1], row[2], row[3], row[4], row[5], revoked)

    async def revoked_indexes(self, number: int) -> list[int]:
        """Return the entries of a list that are revoked."""
        return [row[0] for row in await self._tx.connection.fetch(_INDEXES, number)]

    async def publish(self, number: int, document: bytes, revoked: int, at: datetime) -> None:
        """Store a list as it was signed now."""
        await self._tx.connection.execute(_PUBLISH, number, document, revoked, at)

    async def register_key(self, did: str, multikey: str, at: datetime) -> None:
        """Have the issuer's document list this key from now on."""
        await self._tx.connection.execute(REGISTER_KEY, did, multikey, at)
