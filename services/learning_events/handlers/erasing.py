"""Takes a person out of the world: out of every table that says anything about them, and out of what others said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from services.learning_events.domain.erased_identifiers import ErasedAccount, Redaction

CLOCKS_APART: Final = timedelta(seconds=1)
"""How far identity's clock, by which somebody was erased, may be behind the database's, by which things are stored."""


class Erasable(Protocol):
    """A store that keeps something about people."""

    async def erase(self, person: str) -> None:
        """Have nothing left that says anything about this person. Safe to repeat."""
        ...


class ErasedAccounts(Protocol):
    """Knows which accounts an erased person had."""

    async def erased_accounts(self, person: str) -> Sequence[tuple[str, str]]:
        """Return organisation and identifier of each; none once they were forgotten. Raises Unavailable."""
        ...

    async def forget_erased(self, person: str) -> None:
        """Have them forgotten: nobody needs them any more. Raises Unavailable."""
        ...


class Naming(Protocol):
    """What organisations said, in which people are named."""

    async def remove(self, organisation: str, redaction: Redaction) -> None:
        """Have these accounts named nowhere in it. Safe to repeat."""
        ...


class ErasingPeople:
    """The use case: several people at once, because one look at what an organisation said serves all of them."""

    def __init__(self, accounts: ErasedAccounts, naming: Naming, stores: Sequence[Erasable]) -> None:
        self._accounts = accounts
        self._naming = naming
        self._stores = stores

    async def erase(self, people: Mapping[str, datetime]) -> None:
        """Have nothing left about these people, who were erased at these times. Safe to repeat. Raises Unavailable."""
        for person in people:
            await erase_everywhere(self._stores, person)
        by_organisation: defaultdict[str, list[ErasedAccount]] = defaultdict(list)
        for person, erased_at in people.items():
            for organisation, identifier in await self._accounts.erased_accounts(person):
                by_organisation[organisation].append(ErasedAccount(identifier, person, erased_at + CLOCKS_APART))
        for organisation, accounts in by_organisation.items():
            await self._naming.remove(organisation, Redaction(accounts))

    async def forget(self, person: str) -> None:
        """Have forgotten by which accounts the person was named. Raises Unavailable."""
        await self._accounts.forget_erased(person)


async def erase_everywhere(stores: Sequence[Erasable], person: str) -> None:
    """Have nothing left about the person in any of the stores, one after the other. Safe to repeat.

    Ids of statements stay, so that one that is sent again is not stored again. An alias is a person of its own here.
    """
    for store in stores:
        await store.erase(person)
