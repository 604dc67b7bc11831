"""Which key was meant by a credential that opens nothing, so that its organisation can be shown what failed.

Only our own services ask. What a caller is answered does not depend on it, so that nobody learns here which keys exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from services.identity.domain.api_keys import ApiKey
from services.identity.domain.credentials import secret_digest
from services.identity.handlers.authentication import SECRET_CHARACTERS_MAX


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key, live or not. is_secret_right: whether what came was its own secret, or a token of its."""

    key: ApiKey
    is_secret_right: bool


class NamedKeys(Protocol):
    """Finds keys of all tenants, live or not."""

    async def by_id(self, key_id: str, digest: bytes) -> NamedKey | None:
        """Return the key with this id."""
        ...

    async def by_digest(self, digest: bytes) -> NamedKey | None:
        """Return the key whose secret, or whose access token's, has this digest."""
        ...


class KeyNaming:
    """The use case."""

    def __init__(self, keys: NamedKeys) -> None:
        self._keys = keys

    async def named(self, secret: str, key_id: str) -> NamedKey | None:
        """Return the key that the id names, or without one the key whose secret it is; None where there is none.

        Whatever anybody sends gets here: an id that no text of the database could be is nobody's, and no error.
        """
        if not secret or len(secret) > SECRET_CHARACTERS_MAX or "\0" in key_id:
            return None
        digest = secret_digest(secret)
        return await self._keys.by_id(key_id, digest) if key_id else await self._keys.by_digest(digest)
