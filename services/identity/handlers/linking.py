"""Two people become one, with proof from both sides, and may become two again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from services.identity.domain.account_links import (
    CODE_BYTES,
    AccountLink,
    Claim,
    check_attestation,
    check_open_count,
    no_such_link,
    propose_link,
)
from services.identity.domain.accounts import Account, LinkedAccount
from services.identity.domain.aliases import Aliases, Edge, told_changes
from services.identity.domain.personas import proven_instead
from services.identity.handlers.minting import Mint, occasion
from services.identity.handlers.recent_accounts import RecentAccounts
from shared.events.fact import NewFact
from shared.kernel.clock import Clock
from shared.kernel.errors import Rejected
from shared.kernel.ids import OrganisationId, PersonId


class LinkWork(Protocol):
    """An open transaction in which nobody else changes who these people are."""

    aliases: Aliases

    async def link(self, link: str) -> AccountLink | None:
        """Return the link; nobody else changes it until the end."""
        ...

    async def open_count(self, at: datetime) -> int:
        """Return how many links that these people proposed are open."""
        ...

    async def accounts(self) -> list[LinkedAccount]:
        """Return the accounts of these people, at all organisations."""
        ...

    async def save_link(self, link: AccountLink) -> None:
        """Have the link as it is given."""
        ...

    async def declared(self) -> list[AccountLink]:
        """Return the declared links among these people that hold."""
        ...

    async def end_persona(self, persona: str, at: datetime) -> None:
        """Have the persona ended by a person, where none of its links holds any more."""
        ...

    async def save_aliases(self, table: Mapping[PersonId, PersonId]) -> None:
        """Have exactly these aliases among these people."""
        ...

    async def tell(self, facts: Sequence[NewFact]) -> None:
        """Append facts about these people."""
        ...


class LinkStore(Protocol):
    """Links as they are kept."""

    def held(self, *people: str) -> AbstractAsyncContextManager[LinkWork]:
        """Open a transaction that holds these people and everybody they are one with. Commits when it ends well."""
        ...

    async def find(self, link: str) -> AccountLink | None:
        """Return the link as it is at this moment."""
        ...


class AccountFinder(Protocol):
    """Finds accounts of one organisation."""

    async def find(self, organisation: OrganisationId, identifiers: Sequence[str]) -> Mapping[str, Account]:
        """Return those of the accounts that exist, by identifier."""
        ...


class Linking:
    """The use case. `recent` is what accounts are resolved from; it forgets whatever this changes."""

    def __init__(
        self, store: LinkStore, accounts: AccountFinder, recent: RecentAccounts, clock: Clock, mint: Mint
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._recent = recent
        self._clock = clock
        self._mint = mint

    async def propose(self, person: str) -> tuple[AccountLink, str]:
        """Return a link that is open for a while, and its code, which nobody can show again.

        Raises NotFound for the person, TooManyLinks at the bound.
        """
        async with self._store.held(person) as work:
            now = self._clock.now()
            proposer = work.aliases.canonical(person)
            check_open_count(await work.open_count(now))
            random_bytes = self._mint.random_bytes(CODE_BYTES)
            link, code = propose_link(self._mint.id("link"), proposer, random_bytes, now)
            await work.save_link(link)
        return link, code

    async def confirm(self, link: str, person: PersonId, code: str) -> tuple[AccountLink, PersonId]:
        """Return the link and the canonical person of both: whoever is signed in as `person` brought the code.

        Raises NotFound, LinkNotOpen, WrongCode, AlreadyOne or UnionTooLarge.
        """
        return await self._settle(link, code, Claim(person))

    async def attest(
        self, link: str, organisation: OrganisationId, identifier: str, code: str
    ) -> tuple[AccountLink, PersonId]:
        """Return the link and the canonical person of both: a platform vouches that its account brought the code.

        Raises as `confirm` does, Rejected for an account it does not have, Forbidden where its word is not enough.
        """
        account = (await self._accounts.find(organisation, [identifier])).get(identifier)
        if account is None:
            rule = "this organisation has no such account"
            raise Rejected.of("/identifier", rule, "Send an event of the account first, or check the identifier.")
        return await self._settle(link, code, Claim(account.person, organisation))

    async def undo(self, link: str, person: PersonId) -> None:
        """Have an open link taken back, or the people of a linked one split. Again is no error.

        `person` is one of its people, by themselves or by whom they are one with. Raises NotFound otherwise.
        """
        known = await self._found(link)
        parties = [known.proposer] if known.claim is None else [known.proposer, known.claim.person]
        async with self._store.held(*parties, person) as work:
            here = await work.link(link)
            canonical = work.aliases.canonical(person)
            if here is None or canonical not in {work.aliases.canonical(party) for party in parties}:
                raise no_such_link()
            await self._end(work, here.refused(), self._clock.now())
            if here.state == "linked":
                await self._change(work, work.aliases.split(link))
        self._recent.forget()

    async def _settle(self, link: str, code: str, claim: Claim) -> tuple[AccountLink, PersonId]:
        """Try the code. A wrong one is counted, so it ends in a commit before it is refused."""
        proposer = (await self._found(link)).proposer
        async with self._store.held(proposer, claim.person) as work:
            here = await work.link(link)
            if here is None:
                raise no_such_link()
            now = self._clock.now()
            after = here.tried(code, now)
            if is_right := after == here:
                after = await self._link(work, here, claim, now)
            await work.save_link(after)
        self._recent.forget()
        if not is_right:
            raise after.wrong_code()
        return after, min(work.aliases.members).id

    async def _link(self, work: LinkWork, link: AccountLink, claim: Claim, now: datetime) -> AccountLink:
        if claim.organisation is not None:
            check_attestation(work.aliases.union(claim.person), await work.accounts(), claim.organisation)
        edge = Edge(link.id, link.proposer, claim.person)
        replaced = proven_instead(work.aliases, await work.declared(), edge)
        if replaced is None:
            await self._change(work, work.aliases.merged(edge))
        else:
            await self._end(work, replaced[0].undone(), now)
            await self._change(work, replaced[1])
        return link.linked(claim, now)

    async def _end(self, work: LinkWork, link: AccountLink, now: datetime) -> None:
        await work.save_link(link)
        if link.claim is not None and link.claim.persona is not None:
            await work.end_persona(link.claim.persona, now)

    async def _change(self, work: LinkWork, after: Aliases) -> None:
        table = after.table()
        await work.save_aliases(table)
        await work.tell(told_changes(work.aliases.table(), table, occasion(self._clock, self._mint)))

    async def _found(self, link: str) -> AccountLink:
        found = await self._store.find(link)
        if found is None:
            raise no_such_link()
        return found
