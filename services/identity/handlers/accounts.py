"""Whose account is this? Asked before every write of the ingest path, so answered from memory where that is safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from services.identity.domain.accounts import Account, Newcomer, check_identifiers, newcomer
from services.identity.handlers.minting import Mint, occasion
from services.identity.handlers.recent_accounts import RecentAccounts
from shared.kernel.clock import Clock
from shared.kernel.errors import Unavailable
from shared.kernel.ids import AccountId, OrganisationId, PersonId

NEWCOMERS_MAX: Final = 125
"""Minted in one transaction: two rows and two facts each, 500 rows together."""
LISTED_MAX: Final = 100
"""Accounts told of one person; a person has at most sixteen that were linked."""
ROUNDS_MAX: Final = 3
"""An account that was found can be gone again only when its person is erased at that very moment."""


class AccountStore(Protocol):
    """Accounts as they are kept. Sees those of the organisation named, and no other's."""

    async def find(self, organisation: OrganisationId, identifiers: Sequence[str]) -> Mapping[str, Account]:
        """Return those of the accounts that exist, by identifier."""
        ...

    async def beside(self, organisation: OrganisationId, identifier: str, limit: int) -> Sequence[Account]:
        """Return the accounts of this account's person and of everybody they are one with, by identifier."""
        ...

    async def mint(self, organisation: OrganisationId, newcomers: Sequence[Newcomer]) -> None:
        """Have these accounts exist, with their people, and tell the facts, in one transaction.

        Of several who mint one identifier at once one wins; the newcomers of the others leave no trace. Raises
        Rejected for an organisation that does not exist.
        """
        ...


class Accounts:
    """The use case. `recent` is shared with what merges, splits and erases."""

    def __init__(self, store: AccountStore, recent: RecentAccounts, clock: Clock, mint: Mint) -> None:
        self._store = store
        self._recent = recent
        self._clock = clock
        self._mint = mint

    async def resolve(self, organisation: OrganisationId, identifiers: Sequence[str]) -> list[Account]:
        """Return one account an identifier, in the order asked; whoever was not known is known and told on return.

        Idempotent. The canonical person may be a second old after a merge in another process; facts written to the
        person from before are found through the alias, so that is safe. Raises Rejected or TooLarge.
        """
        known = self._recent.found(organisation, identifiers)
        if len(known) < len(identifiers):
            check_identifiers(identifiers)
            await self._look_up(organisation, sorted(set(identifiers) - known.keys()), known)
        return [known[identifier] for identifier in identifiers]

    async def look_up(self, organisation: OrganisationId, identifiers: Sequence[str]) -> list[Account]:
        """Return the accounts that exist, in the order asked; nobody is minted. Raises Rejected or TooLarge."""
        check_identifiers(identifiers)
        found = await self._store.find(organisation, identifiers)
        return [found[identifier] for identifier in identifiers if identifier in found]

    async def beside(self, organisation: OrganisationId, identifier: str) -> Sequence[Account]:
        """Return up to LISTED_MAX accounts of this account's person at the organisation, itself among them.

        None where there is no such account. Raises Rejected or TooLarge.
        """
        check_identifiers([identifier])
        return await self._store.beside(organisation, identifier, LISTED_MAX)

    async def _look_up(self, organisation: OrganisationId, missing: Sequence[str], known: dict[str, Account]) -> None:
        for _ in range(ROUNDS_MAX):
            generation = self._recent.generation
            found = await self._store.find(organisation, missing)
            self._recent.put(generation, organisation, found.values())
            known.update(found)
            missing = [identifier for identifier in missing if identifier not in found]
            if not missing:
                return
            await self._register(organisation, missing)
        raise Unavailable("accounts are being erased while they are asked for", 0.1)

    async def _register(self, organisation: OrganisationId, identifiers: Sequence[str]) -> None:
        """Mint a person for each, a bounded transaction at a time. The identifiers are in order: see the store."""
        for start in range(0, len(identifiers), NEWCOMERS_MAX):
            newcomers = [self._newcomer(organisation, one) for one in identifiers[start : start + NEWCOMERS_MAX]]
            await self._store.mint(organisation, newcomers)

    def _newcomer(self, organisation: OrganisationId, identifier: str) -> Newcomer:
        account, person = AccountId(self._mint.id("account")), PersonId(self._mint.id("person"))
        return newcomer(organisation, identifier, account, person, occasion(self._clock, self._mint))
