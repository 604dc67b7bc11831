"""Idempotency keys in the service's own database, so that every process of the service knows them.

The table (in the service's migrations; the door's role may select, insert, update and delete):

    CREATE TABLE idempotency_keys (
        caller         text        NOT NULL,
        key            text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
        request_digest bytea       NOT NULL CHECK (octet_length(request_digest) = 32),
        started_at     timestamptz NOT NULL,
        expires_at     timestamptz NOT NULL,
        status         smallint,            -- null while the first request is under way
        media_type     text,
        headers        text,                -- a JSON array of [name, value]
        content        bytea,
        PRIMARY KEY (caller, key)
    );
    CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

No row-level security: a row is found by its caller only, who is one key or person, and never listed. Each statement is
a transaction of its own, so a key under way holds no lock and no snapshot.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from shared.kernel.clock import Clock
from shared.kernel.errors import Unavailable
from shared.runtime.idempotency import EXPIRY_SECONDS, LEASE_SECONDS, Recorded
from shared.runtime.postgres import Connection, Pool, reading
from shared.runtime.purging import PURGE_ROWS_MAX, keep_purging
from shared.runtime.reply import Reply

_ATTEMPTS: Final = 3

_BEGIN: Final = """
INSERT INTO idempotency_keys AS held (caller, key, request_digest, started_at, expires_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (caller, key) DO UPDATE
SET request_digest = excluded.request_digest, started_at = excluded.started_at, expires_at = excluded.expires_at,
    status = NULL, media_type = NULL, headers = NULL, content = NULL
WHERE held.expires_at <= $4 OR (held.status IS NULL AND held.started_at <= $6)
RETURNING true
"""
_READ: Final = """
SELECT request_digest, status, media_type, headers, content FROM idempotency_keys WHERE caller = $1 AND key = $2
"""
_SAVE: Final = """
UPDATE idempotency_keys SET status = $4, media_type = $5, headers = $6, content = $7
WHERE caller = $1 AND key = $2 AND request_digest = $3 AND status IS NULL
"""
_FORGET: Final = """
DELETE FROM idempotency_keys WHERE caller = $1 AND key = $2 AND request_digest = $3 AND status IS NULL
"""
_FORGET_REPLIES: Final = """
DELETE FROM idempotency_keys WHERE EXISTS (
    SELECT FROM unnest($1::text[]) AS named (person) WHERE position(convert_to(person, 'UTF8') IN content) > 0)
"""
_PURGE: Final = """
WITH due AS (SELECT ctid FROM idempotency_keys WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED),
     gone AS (DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(SELECT ctid FROM due)) RETURNING 1)
SELECT count(*) FROM gone
"""


class PostgresIdempotencyStore:
    """An IdempotencyStore in the table `idempotency_keys`; what it answers is durable on return."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def begin(self, caller: str, key: str, request_digest: bytes) -> Recorded | None:
        """Return what is known of this key; None when it is new, expired, or its first request counts as dead."""
        now = self._clock.now()
        expires_at = now + timedelta(seconds=EXPIRY_SECONDS)
        for _ in range(_ATTEMPTS):
            async with reading(self._pool) as connection:
                if await connection.fetchval(_BEGIN, caller, key, request_digest, now, expires_at, _dead_before(now)):
                    return None
                row = await connection.fetchrow(_READ, caller, key)
            if row is not None:
                return _recorded(row)
        raise Unavailable("the idempotency key is being used by many requests at once")

    async def save(self, caller: str, key: str, request_digest: bytes, reply: Reply) -> None:
        """Have the reply ready for repetitions until the key expires."""
        headers = orjson.dumps(reply.headers).decode()
        values = (caller, key, request_digest, reply.status, reply.media_type, headers, reply.content)
        async with reading(self._pool) as connection:
            await connection.execute(_SAVE, *values)

    async def forget(self, caller: str, key: str, request_digest: bytes) -> None:
        """Have the key free again."""
        async with reading(self._pool) as connection:
            await connection.execute(_FORGET, caller, key, request_digest)

    async def purge(self) -> int:
        """Delete up to PURGE_ROWS_MAX expired keys and return how many went."""
        async with reading(self._pool) as connection:
            return int(await connection.fetchval(_PURGE, self._clock.now(), PURGE_ROWS_MAX))

    async def keep_purging(self) -> None:
        """Purge at intervals, for ever; the work of a `background.Task`."""
        await keep_purging(self.purge)


def _dead_before(now: datetime) -> datetime:
    return now - timedelta(seconds=LEASE_SECONDS)


def _recorded(row: Any) -> Recorded:
    reply = None
    if row["status"] is not None:
        headers = tuple((name, value) for name, value in orjson.loads(row["headers"]))
        reply = Reply(row["status"], bytes(row["content"]), row["media_type"], headers)
    return Recorded(bytes(row["request_digest"]), reply)


async def forget_replies(connection: Connection, people: Collection[str]) -> None:
    """Have no kept reply left that names one of these people, whoever it was given to.

    For a service that erases them. Looks at every reply that is kept, those of one day.
    """
    await connection.execute(_FORGET_REPLIES, list(people))
