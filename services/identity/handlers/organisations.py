"""Organisations and their API keys: what an operator sets up for a tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.identity.domain.api_keys import ApiKey, key_expiry, key_scopes
from services.identity.domain.credentials import SECRET_BYTES, secret_digest, secret_text
from services.identity.domain.names import check_text
from services.identity.domain.organisations import Organisation, register_organisation
from services.identity.handlers.minting import Mint, occasion
from shared.events.fact import NewFact
from shared.kernel.clock import Clock
from shared.kernel.errors import NotFound
from shared.kernel.ids import KeyId, OrganisationId


class OrganisationStore(Protocol):
    """Organisations and keys as they are kept."""

    async def add(self, organisation: Organisation, facts: Sequence[NewFact]) -> None:
        """Have the organisation and its facts, in one transaction."""
        ...

    async def page(self, after: str, limit: int) -> list[Organisation]:
        """Return up to `limit` organisations with an id above `after`, in the order of their ids."""
        ...

    async def add_key(self, key: ApiKey, digest: bytes) -> None:
        """Have the key. Raises NotFound for an organisation that is not there, and TooManyKeys at its bound."""
        ...

    async def keys(self, organisation: OrganisationId | None, after: str, limit: int) -> list[ApiKey]:
        """Return up to `limit` keys with an id above `after`, of one organisation or of all, in the order of ids."""
        ...

    async def revoke_key(self, key: KeyId, at: datetime) -> ApiKey | None:
        """Have the key revoked, at `at` unless it was before, and return it; None when there is no such key."""
        ...


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """What an operator asks a key to be. expires_at: None for the usual lifetime."""

    organisation: OrganisationId
    scopes: tuple[str, ...]
    is_test: bool = False
    expires_at: datetime | None = None
    name: str | None = None


class Organisations:
    """The use case. vocabulary: the words that a key's scopes may be made of."""

    def __init__(self, store: OrganisationStore, clock: Clock, mint: Mint, vocabulary: frozenset[str]) -> None:
        self._store = store
        self._clock = clock
        self._mint = mint
        self._vocabulary = vocabulary

    async def register(self, name: str) -> Organisation:
        """Return the organisation, which is known and told. Raises Rejected for the name."""
        organisation_id = OrganisationId(self._mint.id("organisation"))
        organisation, facts = register_organisation(organisation_id, name, occasion(self._clock, self._mint))
        await self._store.add(organisation, facts)
        return organisation

    async def page(self, after: str, limit: int) -> list[Organisation]:
        """Return up to `limit` organisations that come after `after`."""
        return await self._store.page(after, limit)

    async def make_key(self, order: KeyOrder) -> tuple[ApiKey, str]:
        """Return a key that works from now on, and its secret, which nobody can show again.

        Raises Rejected for what is asked, NotFound for the organisation, TooManyKeys at the bound of live keys.
        """
        now = self._clock.now()
        key = ApiKey(
            id=KeyId(self._mint.id("key")),
            organisation=order.organisation,
            name=None if order.name is None else check_text(order.name, "/name"),
            scopes=key_scopes(order.scopes, self._vocabulary),
            is_test=order.is_test,
            created_at=now,
            expires_at=key_expiry(order.expires_at, now),
        )
        secret = secret_text(key.prefix, self._mint.random_bytes(SECRET_BYTES))
        await self._store.add_key(key, secret_digest(secret))
        return key, secret

    async def keys(self, organisation: OrganisationId | None, after: str, limit: int) -> list[ApiKey]:
        """Return up to `limit` keys that come after `after`, revoked and expired ones too."""
        return await self._store.keys(organisation, after, limit)

    async def revoke_key(self, key: KeyId) -> ApiKey:
        """Return the key, which opens nothing any more. Again is no error. Raises NotFound."""
        revoked = await self._store.revoke_key(key, self._clock.now())
        if revoked is None:
            raise NotFound("There is no such key.")
        return revoked
