"""The client credentials grant: whoever shows a key gets a token that stands for it, for a while."""

from __future__ import annotations

from typing import Protocol

from services.identity.domain.access_tokens import AccessToken, Expand, TokenRefused, access_token
from services.identity.domain.credentials import ACCESS_PREFIX, SECRET_BYTES, secret_digest, secret_text
from services.identity.handlers.authentication import Authentication
from services.identity.handlers.minting import Mint
from shared.kernel.clock import Clock
from shared.kernel.errors import Unauthenticated


class TokenStore(Protocol):
    """Access tokens as they are kept."""

    async def add(self, token: AccessToken, digest: bytes) -> None:
        """Have the token. Raises TooManyTokens at the bounds of its key."""
        ...


class TokenIssuing:
    """The use case. expand: what the words of scopes stand for."""

    def __init__(
        self, store: TokenStore, authentication: Authentication, clock: Clock, mint: Mint, expand: Expand
    ) -> None:
        self._store = store
        self._authentication = authentication
        self._clock = clock
        self._mint = mint
        self._expand = expand

    async def issue(self, client_id: str, secret: str, scope: str | None) -> tuple[AccessToken, str]:
        """Return a token that works from now on, and its text, which nobody can show again.

        Raises TokenRefused, with the words of RFC 6749 §5.2, and TooManyTokens.
        """
        try:
            key = await self._authentication.key(secret, client_id)
        except Unauthenticated as error:
            raise TokenRefused("invalid_client", error.faults[0].rule) from None
        token = access_token(key, scope, self._clock.now(), self._expand)
        text = secret_text(ACCESS_PREFIX, self._mint.random_bytes(SECRET_BYTES))
        await self._store.add(token, secret_digest(text))
        return token, text
