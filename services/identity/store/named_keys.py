"""Keys by what a credential that failed says of them, over all tenants: who asks is not known."""

from __future__ import annotations

from typing import Any, Final

from services.identity.handlers.key_naming import NamedKey
from services.identity.store.credentials import KEY_COLUMNS, key_of_row
from shared.runtime.backbone import Backbone

_BY_ID: Final = f"""
SELECT {KEY_COLUMNS}, digest = $2 OR EXISTS (SELECT FROM access_tokens t WHERE t.digest = $2 AND t.key = api_keys.id)
FROM api_keys WHERE id = $1
"""  # noqa: S608 - a constant
_BY_DIGEST: Final = f"""
SELECT {KEY_COLUMNS}, true FROM api_keys
WHERE digest = $1 OR id = (SELECT t.key FROM access_tokens t WHERE t.digest = $1)
"""  # noqa: S608 - a constant


class PostgresNamedKeys:
    """NamedKeys."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def by_id(self, key_id: str, digest: bytes) -> NamedKey | None:
        """Return the key with this id."""
        return await self._found(_BY_ID, key_id, digest)

    async def by_digest(self, digest: bytes) -> NamedKey | None:
        """Return the key whose secret, or whose access token's, has this digest."""
        return await self._found(_BY_DIGEST, digest)

    async def _found(self, query: str, *values: Any) -> NamedKey | None:
        async with self._backbone.reading() as connection:
            row = await connection.fetchrow(query, *values)
        if row is None:
            return None
        *key, is_secret_right = row
        return NamedKey(key_of_row(key), is_secret_right)
