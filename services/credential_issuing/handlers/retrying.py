"""Estimates that came before their evidence: they are decided as soon as it was heard."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, Protocol

from services.credential_issuing.domain.earning import ToldEstimate
from services.credential_issuing.handlers.issuing import Ledger, issue_earned
from services.credential_issuing.handlers.office import Office
from shared.kernel.ids import FactId, PersonId

AT_ONCE: Final = 50
"""Estimates looked at in one round; each is a transaction of its own."""


class WaitingLedger(Ledger, Protocol):
    """A ledger that also knows what waits."""

    async def claim_waiting(self, fact: FactId) -> bool:
        """Forget that this estimate waits; return False when it does not wait any more."""
        ...


class WaitingRoom(Protocol):
    """Estimates that wait."""

    async def ready(self, limit: int) -> Sequence[ToldEstimate]:
        """Return up to `limit` estimates all of whose evidence was heard by now, in the order of their numbers."""
        ...

    def opened(self, people: Collection[PersonId]) -> AbstractAsyncContextManager[WaitingLedger]:
        """Open a transaction that holds the locks of these people and of all who are one person with any of them."""
        ...


async def retry_waiting(room: WaitingRoom, office: Office, now: datetime) -> int:
    """Decide the estimates whose evidence was heard by now, and return how many there were."""
    ready = await room.ready(AT_ONCE)
    for told in ready:
        async with room.opened({told.person}) as ledger:
            if await ledger.claim_waiting(told.fact):
                await issue_earned(ledger, office, [told], now)
    return len(ready)
