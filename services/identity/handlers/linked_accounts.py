"""A person sees every account that is theirs and takes a wrong one away; an operator sees them too, and is seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.identity.domain.account_links import AccountLink
from services.identity.domain.accounts import LinkedAccount
from services.identity.domain.linked_accounts import Reading, ShownAccount, link_to_undo, shown_accounts
from shared.kernel.clock import Clock
from shared.kernel.ids import PersonId


class LinkedAccountStore(Protocol):
    """Accounts and links of one person and everybody they are one with."""

    async def accounts(self, canonical: PersonId) -> Sequence[tuple[LinkedAccount, str]]:
        """Return the accounts, oldest first, each with its organisation's name."""
        ...

    async def links(self, canonical: PersonId) -> Sequence[AccountLink]:
        """Return the links, oldest first; where there are many, those that hold and the newest others."""
        ...

    async def keep_reading(self, canonical: PersonId, reading: Reading) -> None:
        """Have it kept who looked, of the last so many."""
        ...

    async def readings(self, canonical: PersonId) -> Sequence[Reading]:
        """Return who looked, newest first."""
        ...


class Undoing(Protocol):
    """Undoes links."""

    async def undo(self, link: str, person: PersonId) -> None:
        """Have the people of a link split."""
        ...


class LinkedAccounts:
    """The use case. Callers have authenticated who asks."""

    def __init__(self, store: LinkedAccountStore, linking: Undoing, clock: Clock) -> None:
        self._store = store
        self._linking = linking
        self._clock = clock

    async def shown(
        self, canonical: PersonId, operator: str | None
    ) -> tuple[list[ShownAccount], Sequence[AccountLink], Sequence[Reading]]:
        """Return the accounts, the links, and which operators looked. operator: who looks now; None for the person."""
        if operator is not None:
            await self._store.keep_reading(canonical, Reading(self._now(), operator))
        accounts, links = await self._store.accounts(canonical), await self._store.links(canonical)
        shown = shown_accounts(canonical, accounts, links, is_own=operator is None)
        return shown, links, await self._store.readings(canonical)

    async def unlink(self, person: PersonId, account: str) -> AccountLink:
        """Return the link by which the account was theirs, as it was; it holds no longer, and others stay as they are.

        person: canonical. Raises NotFound for an account that is not theirs, NothingToUndo for the oldest.
        """
        accounts = [one for one, _ in await self._store.accounts(person)]
        link = link_to_undo(account, accounts, person, await self._store.links(person))
        await self._linking.undo(link.id, person)
        return link

    def _now(self) -> datetime:
        return self._clock.now()
