"""Organisations and keys in Postgres. An operator's lists span tenants; everything else acts for one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from services.identity.domain.api_keys import ApiKey, check_live
from services.identity.domain.organisations import Organisation
from services.identity.store.credentials import KEY_COLUMNS, key_of_row
from shared.events.fact import NewFact
from shared.kernel.errors import NotFound
from shared.kernel.ids import KeyId, OrganisationId
from shared.runtime.backbone import Backbone

_ADD: Final = "INSERT INTO organisations (id, name, created_at) VALUES ($1, $2, $3)"
_PAGE: Final = "SELECT id, name, created_at FROM organisations WHERE id > $1 ORDER BY id LIMIT $2"
_EXISTS: Final = "SELECT true FROM organisations WHERE id = $1"
_LIVE: Final = """
SELECT count(*) FROM api_keys WHERE organisation = $1 AND expires_at > $2 AND revoked_at IS NULL
"""
_ADD_KEY: Final = """
INSERT INTO api_keys (id, organisation, name, digest, scopes, is_test, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_KEYS: Final = f"""
SELECT {KEY_COLUMNS} FROM api_keys
WHERE ($1::text IS NULL OR organisation = $1) AND id > $2 ORDER BY id LIMIT $3
"""  # noqa: S608 - a constant
_OWNER: Final = "SELECT organisation FROM api_keys WHERE id = $1"
_REVOKE: Final = f"""
UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING {KEY_COLUMNS}
"""  # noqa: S608 - a constant


class PostgresOrganisations:
    """An OrganisationStore."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def add(self, organisation: Organisation, facts: Sequence[NewFact]) -> None:
        """Have the organisation and its facts, in one transaction."""
        async with self._backbone.door(organisation.id) as tx:
            await tx.lock({organisation.id})
            await tx.connection.execute(_ADD, organisation.id, organisation.name, organisation.created_at)
            await self._backbone.store.append(tx, facts)

    async def page(self, after: str, limit: int) -> list[Organisation]:
        """Return up to `limit` organisations with an id above `after`, in the order of their ids."""
        async with self._backbone.reading() as connection:
            rows = await connection.fetch(_PAGE, after, limit)
        return [Organisation(OrganisationId(row[0]), row[1], row[2]) for row in rows]

    async def add_key(self, key: ApiKey, digest: bytes) -> None:
        """Have the key. The organisation's lock makes the count of live keys hold until it is in."""
        async with self._backbone.door(key.organisation) as tx:
            await tx.lock({key.organisation})
            if not await tx.connection.fetchval(_EXISTS, key.organisation):
                raise NotFound.of("/organisation", "there is no such organisation", "Register it first.")
            check_live(await tx.connection.fetchval(_LIVE, key.organisation, key.created_at))
            await tx.connection.execute(_ADD_KEY, *_values(key, digest))

    async def keys(self, organisation: OrganisationId | None, after: str, limit: int) -> list[ApiKey]:
        """Return up to `limit` keys with an id above `after`, of one organisation or of all, in the order of ids."""
        async with self._backbone.reading() as connection:
            return [key_of_row(row) for row in await connection.fetch(_KEYS, organisation, after, limit)]

    async def revoke_key(self, key: KeyId, at: datetime) -> ApiKey | None:
        """Have the key revoked, at `at` unless it was before, and return it; None when there is no such key."""
        async with self._backbone.reading() as connection:
            organisation = await connection.fetchval(_OWNER, key)
        if organisation is None:
            return None
        async with self._backbone.door(organisation) as tx:
            return key_of_row(await tx.connection.fetchrow(_REVOKE, key, at))


def _values(key: ApiKey, digest: bytes) -> tuple[Any, ...]:
    scopes = list(key.scopes)
    return key.id, key.organisation, key.name, digest, scopes, key.is_test, key.created_at, key.expires_at
