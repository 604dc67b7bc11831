"""Whose secret is this? A look-up by digest; the prefix says where to look."""

from __future__ import annotations

from typing import Final, Protocol

from services.identity.domain.access_tokens import AccessToken
from services.identity.domain.api_keys import ApiKey
from services.identity.domain.credentials import (
    ACCESS_PREFIX,
    ADMIN_ID,
    KEY_PREFIX,
    SESSION_PREFIX,
    TEST_KEY_PREFIX,
    Caller,
    is_admin,
    nobody,
    secret_digest,
)
from services.identity.domain.sessions import Session
from shared.kernel.clock import Clock

SECRET_CHARACTERS_MAX: Final = 4_096
"""Longer than any secret of ours; bounds the hashing of rubbish."""


class CredentialStore(Protocol):
    """Finds credentials of all tenants by what is kept of their secret."""

    async def key(self, digest: bytes) -> ApiKey | None:
        """Return the key with this digest."""
        ...

    async def token(self, digest: bytes) -> AccessToken | None:
        """Return the access token with this digest, with its key as it is now."""
        ...

    async def session(self, digest: bytes) -> Session | None:
        """Return the session with this digest."""
        ...


class Authentication:
    """The use case. admin_digest: SHA-256 of the operator's secret; None when nobody is operator."""

    def __init__(
        self, store: CredentialStore, clock: Clock, admin_digest: bytes | None, admin_scopes: frozenset[str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._admin_digest = admin_digest
        self._admin_scopes = tuple(sorted(admin_scopes))

    async def authenticate(self, secret: str, key_id: str) -> Caller:
        """Return whom the secret speaks for now. key_id: empty unless the caller sent one. Raises Unauthenticated."""
        if not secret or len(secret) > SECRET_CHARACTERS_MAX:
            raise nobody()
        if is_admin(secret, key_id, self._admin_digest):
            return Caller("admin", ADMIN_ID, scopes=self._admin_scopes)
        credential = await self._found(secret)
        if credential is None:
            raise nobody()
        return credential.caller(key_id, self._clock.now())

    async def key(self, secret: str, key_id: str) -> ApiKey:
        """Return the live key with this id and secret. Raises Unauthenticated, also for what is no key's secret.

        A token gets no token: it would never end.
        """
        found = None
        if len(secret) <= SECRET_CHARACTERS_MAX and secret.startswith((KEY_PREFIX, TEST_KEY_PREFIX)):
            found = await self._store.key(secret_digest(secret))
        if found is None or not key_id:
            raise nobody()
        found.caller(key_id, self._clock.now())
        return found

    async def _found(self, secret: str) -> ApiKey | AccessToken | Session | None:
        if secret.startswith(SESSION_PREFIX):
            return await self._store.session(secret_digest(secret))
        if secret.startswith(ACCESS_PREFIX):
            return await self._store.token(secret_digest(secret))
        if secret.startswith((KEY_PREFIX, TEST_KEY_PREFIX)):
            return await self._store.key(secret_digest(secret))
        return None
