"""A platform declares that accounts of its own are one person's, and takes that back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Protocol

from services.identity.domain.account_links import AccountLink
from services.identity.domain.accounts import Account
from services.identity.domain.aliases import told_changes
from services.identity.domain.personas import Persona, check_actors, declared, no_such_persona
from services.identity.handlers.linking import LinkWork
from services.identity.handlers.minting import Mint, occasion
from services.identity.handlers.recent_accounts import RecentAccounts
from shared.kernel.clock import Clock
from shared.kernel.ids import OrganisationId, PersonId


class PersonaWork(LinkWork, Protocol):
    """An open transaction in which nobody else changes who these people are."""

    async def refused(self) -> list[AccountLink]:
        """Return all links, ended ones too, of the personas of which one of these people undid a link."""
        ...

    async def declared_by(self, persona: str) -> list[AccountLink]:
        """Return the links of a persona that hold."""
        ...

    async def save_persona(self, persona: Persona) -> None:
        """Have the persona as it is given."""
        ...


class PersonaStore(Protocol):
    """Personas as they are kept."""

    def held(self, *people: str) -> AbstractAsyncContextManager[PersonaWork]:
        """Open a transaction that holds these people and everybody they are one with. Commits when it ends well."""
        ...

    async def find(self, organisation: OrganisationId, persona: str) -> tuple[Persona, list[PersonId]] | None:
        """Return the organisation's persona and the people of its links that hold."""
        ...

    async def page(self, organisation: OrganisationId, after: str, limit: int) -> list[Persona]:
        """Return up to `limit` personas of the organisation with an id above `after`, in the order of ids."""
        ...


class AccountResolver(Protocol):
    """Knows whose accounts are, and mints people for those that are new."""

    async def resolve(self, organisation: OrganisationId, identifiers: Sequence[str]) -> list[Account]:
        """Return one account an identifier, in the order asked."""
        ...


class Personas:
    """The use case. `recent` is what accounts are resolved from; it forgets whatever this changes."""

    def __init__(
        self, store: PersonaStore, accounts: AccountResolver, recent: RecentAccounts, clock: Clock, mint: Mint
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._recent = recent
        self._clock = clock
        self._mint = mint

    async def declare(
        self, organisation: OrganisationId, key: str, identifiers: Sequence[str]
    ) -> tuple[Persona, PersonId]:
        """Return the persona, and the canonical person of all these accounts; those that are new are known then.

        Raises Rejected for the identifiers, Forbidden for people known by more than this organisation's accounts,
        PersonaRefused, UnionTooLarge, or AlreadyOne.
        """
        check_actors(identifiers)
        people = [account.person for account in await self._accounts.resolve(organisation, identifiers)]
        async with self._store.held(*people) as work:
            moment = occasion(self._clock, self._mint)
            persona = Persona(self._mint.id("persona"), organisation, key, moment.at)
            new_link = iter(lambda: self._mint.id("link"), "")
            known, refused = await work.accounts(), await work.refused()
            links, after = declared(persona, people, work.aliases, known, refused, new_link)
            await work.save_persona(persona)
            for link in links:
                await work.save_link(link)
            table = after.table()
            await work.save_aliases(table)
            await work.tell(told_changes(work.aliases.table(), table, moment))
        self._recent.forget()
        return persona, after.canonical(people[0])

    async def end(self, organisation: OrganisationId, key: str, persona: str) -> Persona:
        """Return the persona as taken back: its links hold no longer. Again is no error. Raises NotFound."""
        known = await self._found(organisation, persona)
        async with self._store.held(*known[1]) as work:
            moment = occasion(self._clock, self._mint)
            after = work.aliases
            for link in await work.declared_by(persona):
                await work.save_link(link.undone())
                after = after.split(link.id)
            ended = (await self._found(organisation, persona))[0]
            if ended.ended_at is None:
                ended = replace(ended, ended_at=moment.at, ended_by=key)
                await work.save_persona(ended)
            table = after.table()
            await work.save_aliases(table)
            await work.tell(told_changes(work.aliases.table(), table, moment))
        self._recent.forget()
        return ended

    async def page(self, organisation: OrganisationId, after: str, limit: int) -> list[Persona]:
        """Return up to `limit` personas of the organisation, in the order in which they were declared."""
        return await self._store.page(organisation, after, limit)

    async def _found(self, organisation: OrganisationId, persona: str) -> tuple[Persona, list[PersonId]]:
        found = await self._store.find(organisation, persona)
        if found is None:
            raise no_such_persona()
        return found
