"""Credentials in Postgres, found by the digest of their secret over all tenants: who asks is not known yet."""

from __future__ import annotations

from typing import Any, Final

from services.identity.domain.access_tokens import AccessToken
from services.identity.domain.api_keys import ApiKey
from services.identity.domain.sessions import Session
from shared.kernel.ids import KeyId, OrganisationId, PersonId
from shared.runtime.backbone import Backbone

KEY_COLUMNS: Final = "id, organisation, name, scopes, is_test, created_at, expires_at, revoked_at"
_KEY: Final = f"SELECT {KEY_COLUMNS} FROM api_keys WHERE digest = $1"  # noqa: S608 - a constant
_TOKEN: Final = f"""
SELECT {", ".join(f"k.{column}" for column in KEY_COLUMNS.split(", "))}, t.scopes, t.issued_at, t.expires_at
FROM access_tokens t JOIN api_keys k ON k.id = t.key WHERE t.digest = $1
"""  # noqa: S608 - a constant
_SESSION: Final = """
SELECT s.id, s.person, coalesce(l.canonical, s.person), s.expires_at
FROM sessions s JOIN people p ON p.id = s.person LEFT JOIN aliases l ON l.alias = s.person
WHERE s.digest = $1 AND p.erased_at IS NULL
"""


class PostgresCredentials:
    """A CredentialStore."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def key(self, digest: bytes) -> ApiKey | None:
        """Return the key with this digest."""
        async with self._backbone.reading() as connection:
            row = await connection.fetchrow(_KEY, digest)
        return None if row is None else key_of_row(row)

    async def token(self, digest: bytes) -> AccessToken | None:
        """Return the access token with this digest, with its key as it is now."""
        async with self._backbone.reading() as connection:
            row = await connection.fetchrow(_TOKEN, digest)
        if row is None:
            return None
        *key, scopes, issued_at, expires_at = row
        return AccessToken(key_of_row(key), tuple(scopes), issued_at, expires_at)

    async def session(self, digest: bytes) -> Session | None:
        """Return the session with this digest."""
        async with self._backbone.reading() as connection:
            row = await connection.fetchrow(_SESSION, digest)
        return None if row is None else Session(row[0], PersonId(row[1]), PersonId(row[2]), row[3])


def key_of_row(row: Any) -> ApiKey:
    """Return the key in a row of KEY_COLUMNS."""
    key_id, organisation, name, scopes, is_test, created_at, expires_at, revoked_at = row
    return ApiKey(
        KeyId(key_id), OrganisationId(organisation), name, tuple(scopes), is_test, created_at, expires_at, revoked_at
    )
