"""Access tokens in Postgres: kept as digests, counted a key, and removed a day after their end."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from services.identity.domain.access_tokens import KEPT, MINUTE, AccessToken, Holding, check_room
from shared.kernel.clock import Clock
from shared.runtime.backbone import Backbone
from shared.runtime.purging import PURGE_ROWS_MAX, keep_purging

_HELD: Final = """
SELECT count(*), min(expires_at), count(*) FILTER (WHERE issued_at > $3), min(issued_at) FILTER (WHERE issued_at > $3)
FROM access_tokens WHERE key = $1 AND expires_at > $2
"""
_ADD: Final = """
INSERT INTO access_tokens (digest, organisation, key, scopes, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
"""
_PURGE: Final = """
WITH due AS (SELECT ctid FROM access_tokens WHERE expires_at <= $1 LIMIT $2),
     gone AS (DELETE FROM access_tokens WHERE ctid = ANY (ARRAY(SELECT ctid FROM due)) RETURNING 1)
SELECT count(*) FROM gone
"""


class PostgresAccessTokens:
    """A TokenStore."""

    def __init__(self, backbone: Backbone, clock: Clock) -> None:
        self._backbone = backbone
        self._clock = clock

    async def add(self, token: AccessToken, digest: bytes) -> None:
        """Have the token. The key's lock makes the count of its tokens hold until it is in."""
        async with self._backbone.door(token.key.organisation) as tx:
            await tx.lock({token.key.id})
            held = await tx.connection.fetchrow(_HELD, token.key.id, token.issued_at, token.issued_at - MINUTE)
            check_room(Holding(*held), token.issued_at)
            await tx.connection.execute(_ADD, *_values(token, digest))

    async def purge(self) -> int:
        """Delete up to PURGE_ROWS_MAX tokens that ended long enough ago and return how many went."""
        before: datetime = self._clock.now() - KEPT
        async with self._backbone.backbone() as tx:
            return int(await tx.connection.fetchval(_PURGE, before, PURGE_ROWS_MAX))

    async def keep_purging(self) -> None:
        """Purge at intervals, for ever; the work of a `background.Task`."""
        await keep_purging(self.purge)


def _values(token: AccessToken, digest: bytes) -> tuple[Any, ...]:
    key = token.key
    return digest, key.organisation, key.id, list(token.scopes), token.issued_at, token.expires_at
