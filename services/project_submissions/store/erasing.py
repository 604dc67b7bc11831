"""Taking a person's rows away."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from shared.kernel.ids import FactId, PersonId
from shared.runtime.backbone import Backbone
from shared.runtime.idempotency_postgres import forget_replies
from shared.runtime.postgres import Connection, Transaction

# The rows that hang on a submission go with it: their foreign keys say so.
_ERASE_SUBMISSIONS: Final = """
DELETE FROM submissions WHERE id = ANY (ARRAY(SELECT id FROM submissions WHERE author = $1 ORDER BY id LIMIT $2))
RETURNING bundle_digest
"""
_DUE: Final = "INSERT INTO erasures_due SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
_ERASE_NOTES: Final = "UPDATE reviews SET note = '' WHERE reviewer = $1 AND note <> ''"


class PersonRows:
    """All that is kept of a person."""

    def __init__(self, backbone: Backbone, tx: Transaction) -> None:
        self._backbone = backbone
        self._tx = tx

    async def erase_submissions(self, author: PersonId, limit: int) -> list[str]:
        """Delete up to `limit` of the person's submissions with all that hangs on them; return their digests."""
        return [row[0] for row in await self._tx.connection.fetch(_ERASE_SUBMISSIONS, author, limit)]

    async def erase_rest(self, person: PersonId) -> None:
        """Delete the person's projects and kept replies, empty the notes of their reviews; no erasure is due then."""
        await self._tx.connection.execute("DELETE FROM projects WHERE owner = $1", person)
        await self._tx.connection.execute(_ERASE_NOTES, person)
        await forget_replies(self._tx.connection, [person])
        await self._tx.connection.execute("DELETE FROM erasures_due WHERE person = $1", person)

    async def erase_facts(self, person: PersonId, fact_id: FactId) -> None:
        """Empty every fact in the person's stream and tell so; nothing where there is no stream."""
        if await self._backbone.store.heads_of(self._tx.connection, [person]):
            await self._backbone.store.erase(self._tx, person, fact_id)


async def keep_due(connection: Connection, people: Collection[str]) -> None:
    """Have it kept that these people are to be erased."""
    await connection.execute(_DUE, list(people))
