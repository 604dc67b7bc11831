"""A person's data go: names, accounts, sessions, links and consents, and the data of every fact about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.identity.domain.account_links import AccountLink
from services.identity.domain.aliases import Aliases
from services.identity.domain.consents import Consent, withdraw_consent
from services.identity.domain.people import no_such_person
from services.identity.domain.personas import check_erasable
from services.identity.handlers.minting import Mint, occasion
from services.identity.handlers.recent_accounts import RecentAccounts
from shared.events.fact import NewFact
from shared.kernel.clock import Clock
from shared.kernel.ids import FactId, PersonId


class ErasureWork(Protocol):
    """An open transaction in which nobody else changes who these people are or what they consented to."""

    aliases: Aliases

    async def declared(self) -> list[AccountLink]:
        """Return the declared links among these people that hold."""
        ...

    async def consents(self) -> list[Consent]:
        """Return the consents of these people that are not withdrawn."""
        ...

    async def tell(self, facts: Sequence[NewFact]) -> None:
        """Append facts about these people."""
        ...

    async def erase(self, at: datetime, fact_id: Callable[[], FactId]) -> None:
        """Have nothing left of these people but their ids, and their facts emptied, which is told in each stream."""
        ...


class ErasureStore(Protocol):
    """People as they are kept."""

    def held(self, *people: str) -> AbstractAsyncContextManager[ErasureWork]:
        """Open a transaction that holds these people and everybody they are one with. Commits when it ends well."""
        ...


class ErasedAccounts(Protocol):
    """The accounts of whom was erased, kept until nobody keeps their identifiers any more."""

    async def of(self, person: str) -> Sequence[tuple[str, str]]:
        """Return organisation and identifier of each account that is not forgotten."""
        ...

    async def forget(self, person: str) -> None:
        """Have them forgotten. Safe to repeat."""
        ...


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure that was done. people: all who were one with the person."""

    people: tuple[PersonId, ...]
    erased_at: datetime


class Erasures:
    """The use case. `recent` is what accounts are resolved from; it forgets who was erased."""

    def __init__(self, store: ErasureStore, recent: RecentAccounts, clock: Clock, mint: Mint) -> None:
        self._store = store
        self._recent = recent
        self._clock = clock
        self._mint = mint

    async def erase(self, person: str, asked_by: PersonId | None, *, is_including_declared: bool = False) -> Erasure:
        """Return what was erased: the person and all whom they are one with, at the word of one of them or (None) of an
        operator. Their accounts, should they come again, are strangers.

        Identity's own facts only; the other services hear of it and erase theirs. Raises NotFound, or OnlyDeclared
        where a platform's word is all that makes some of them one, unless `is_including_declared`.
        """
        async with self._store.held(person) as work:
            people = tuple(sorted(member.id for member in work.aliases.union(person)))
            if asked_by is not None and asked_by not in people:
                raise no_such_person()
            check_erasable(await work.declared(), is_including_declared=is_including_declared)
            moment = occasion(self._clock, self._mint)
            withdrawn = [withdraw_consent(consent, moment)[1] for consent in await work.consents()]
            await work.tell([fact for facts in withdrawn for fact in facts])
            await work.erase(moment.at, moment.fact_id)
        self._recent.forget()
        return Erasure(people, moment.at)
