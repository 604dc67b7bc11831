"""Revocation sets one bit for ever; a list is signed anew for whoever asks for it when it no longer says what is so."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.credential_issuing.domain.issuing import sign
from services.credential_issuing.domain.status_list import status_list
from services.credential_issuing.handlers.office import STATUS_LISTS_KEY, Office
from shared.events.credentials import CredentialRevoked
from shared.events.fact import NewFact
from shared.kernel.errors import NotFound
from shared.kernel.ids import CredentialId, PersonId
from shared.kernel.signing import encode_multikey


@dataclass(frozen=True, slots=True)
class Revocable:
    """A credential's person and entry."""

    person: PersonId
    list: int
    index: int


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a credential holds no more, since when and why."""

    revoked_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A status list as it was signed last, and how many entries are revoked by now."""

    id: int
    did: str
    url: str
    document: bytes | None
    signed_at: datetime | None
    signed_revoked: int
    revoked: int

    def is_due(self, validity: timedelta, now: datetime) -> bool:
        """Return whether it must be signed anew: it was never signed, says less than is so, or is half over.

        Or has not begun: a clock that ran ahead may have signed it, and nobody believes it before its time.
        """
        if self.document is None or self.signed_at is None:
            return True
        return self.revoked != self.signed_revoked or not self.signed_at <= now < self.signed_at + validity / 2


class Register(Protocol):
    """The credentials' entries, in one open transaction."""

    async def find(self, credential: CredentialId) -> Revocable | None:
        """Return the credential, if there is one. Writes nothing, so that `lock` may follow."""
        ...

    async def lock(self, person: PersonId) -> None:
        """Hold the person's stream. Comes before whatever writes."""
        ...

    async def revoke(self, found: Revocable, revocation: Revocation) -> bool:
        """Set the entry; return False when it was set before."""
        ...

    async def revocation(self, found: Revocable) -> Revocation:
        """Return why and since when the entry is set."""
        ...

    async def tell(self, fact: NewFact) -> None:
        """Append the fact in the same transaction."""
        ...

    async def published(self, number: int, *, is_held: bool) -> PublishedList | None:
        """Return a list; with `is_held`, nobody else signs it until the transaction ends."""
        ...

    async def revoked_indexes(self, number: int) -> list[int]:
        """Return the entries of a list that are revoked."""
        ...

    async def publish(self, number: int, document: bytes, revoked: int, at: datetime) -> None:
        """Store a list as it was signed now."""
        ...

    async def register_key(self, did: str, multikey: str, at: datetime) -> None:
        """Have the issuer's document list this key from now on."""
        ...


class Registry(Protocol):
    """Opens the entries."""

    def opened(self) -> AbstractAsyncContextManager[Register]:
        """Open a transaction."""
        ...


async def revoke(
    registry: Registry, office: Office, credential: CredentialId, reason: str, now: datetime
) -> Revocation:
    """Have the credential revoked, and return the revocation that counts, the first.

    Durable on return, and whoever asks for the list from now on gets one that says so: it is signed anew for the next
    reader and not for each of many revocations. Raises NotFound for no credential of ours.
    """
    async with registry.opened() as register:
        found = await register.find(credential)
        if found is None:
            raise NotFound("There is no such credential. Its id begins with vcr_.")
        await register.lock(found.person)
        revocation = Revocation(now, reason)
        if await register.revoke(found, revocation):
            told = CredentialRevoked(credential=credential, reason=reason)
            await register.tell(told.fact(office.new_fact_id(), found.person, now))
        return await register.revocation(found)


async def current_list(registry: Registry, office: Office, number: int, now: datetime) -> bytes:
    """Return a status list that says what is so, signed anew if need be. Raises NotFound for no list of ours."""
    async with registry.opened() as register:
        found = await register.published(number, is_held=False)
    if found is None:
        raise NotFound("There is no such status list. A credential names its own.")
    if found.document is not None and not found.is_due(office.list_validity, now):
        return found.document
    async with registry.opened() as register:
        return await _signed_anew(register, office, number, now)


async def _signed_anew(register: Register, office: Office, number: int, now: datetime) -> bytes:
    found = await register.published(number, is_held=True)
    if found is None:
        raise NotFound("There is no such status list. A credential names its own.")
    if found.document is not None and not found.is_due(office.list_validity, now):
        return found.document
    revoked = await register.revoked_indexes(number)
    unsigned = status_list(found.url, found.did, revoked, now, office.list_validity, office.bits)
    signer = office.keys.signer(STATUS_LISTS_KEY)
    await register.register_key(found.did, encode_multikey(signer.public_key), now)
    signed = sign(unsigned, found.did, signer, now)
    await register.publish(number, signed.canonical, len(revoked), now)
    return signed.canonical
