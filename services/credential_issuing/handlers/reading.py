"""What is shown of credentials: to their person and operators; and of the issuer: to anybody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from services.credential_issuing.domain.did_web import IssuerKey, did_document
from shared.kernel.errors import Forbidden, NotFound, Unavailable
from shared.kernel.ids import CredentialId, FactId, PersonId


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A credential as it is kept. document: canonical JSON, None once erased; fact: the one that tells it."""

    id: CredentialId
    person: PersonId
    skill: str
    level: int
    rule: str
    fact: FactId
    estimate: FactId
    issued_at: datetime
    valid_until: datetime
    list_url: str
    list_index: int
    revoked_at: datetime | None
    reason: str | None
    document: bytes | None


class Erased(NotFound):
    """The document was destroyed, as the person asked; what they hold of it stays as valid as it was."""

    code: ClassVar[str] = "erased"


class Shelf(Protocol):
    """The credentials in one open transaction that reads."""

    async def family(self, person: PersonId) -> frozenset[PersonId]:
        """Return everybody who is one person with `person` at present and beyond doubt, themself included."""
        ...

    async def credential(self, credential: CredentialId) -> StoredCredential | None:
        """Return a credential."""
        ...

    async def credentials(
        self, people: Collection[PersonId], before: CredentialId | None, limit: int
    ) -> Sequence[StoredCredential]:
        """Return up to `limit` credentials of these people, newest first, older than `before`."""
        ...

    async def keys(self, did: str) -> Sequence[IssuerKey]:
        """Return every key this issuer ever signed with, oldest first."""
        ...


class Shelves(Protocol):
    """Opens the credentials for a reader."""

    def opened(self) -> AbstractAsyncContextManager[Shelf]:
        """Open a transaction that only reads."""
        ...


async def show(shelves: Shelves, reader: PersonId | None, credential: CredentialId) -> StoredCredential:
    """Return a credential. reader: the person who asks, None for an operator.

    Raises NotFound when there is none or it is another's, which is not told apart; Erased.
    """
    async with shelves.opened() as shelf:
        found = await shelf.credential(credential)
        if found is None or (reader is not None and reader not in await shelf.family(found.person)):
            raise NotFound("There is no such credential, or it is another person's.")
    if found.document is None:
        raise Erased("The document was erased; what was handed out of it stays as valid as it was.")
    return found


async def list_of(
    shelves: Shelves, reader: PersonId | None, person: PersonId, before: CredentialId | None, limit: int
) -> Sequence[StoredCredential]:
    """Return up to `limit` credentials of a person, newest first. Raises Forbidden when a person asks for another's."""
    async with shelves.opened() as shelf:
        family = await shelf.family(person)
        if reader is not None and reader not in family:
            raise Forbidden.of("id", "credentials are listed for their own person or an operator", "Ask for your own.")
        return await shelf.credentials(family, before, limit)


async def issuer_document(shelves: Shelves, did: str, own_did: str) -> dict[str, Any]:
    """Return the document of a name this house issues under, or once did.

    Raises NotFound for another's, and Unavailable while its own has no key yet, which takes moments at a first start.
    """
    async with shelves.opened() as shelf:
        keys = await shelf.keys(did)
    if not keys and did == own_did:
        raise Unavailable("The issuer has no key yet. At a first start one is made within seconds.")
    if not keys:
        raise NotFound("This house never issued under that name.")
    return did_document(did, keys)
