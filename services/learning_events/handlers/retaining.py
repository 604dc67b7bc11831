"""Has removed what is older than its organisation wants it kept: in short steps, in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from services.learning_events.domain.retention import Policy, kept_since
from shared.kernel.clock import Clock

PAUSE_SECONDS_MIN: Final = 0.01
"""The least pause behind a step; else as long as the step took, so that at most half of one connection is busy."""


@dataclass(frozen=True, slots=True)
class Store:
    """The real or the test data of an organisation."""

    organisation: str
    is_test: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A policy, who set it and when, and what it has come to. swept_at: when nothing older was left at the latest."""

    policy: Policy
    set_at: datetime | None = None
    set_by: str | None = None
    removed: int = 0
    documents_removed: int = 0
    swept_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a policy would remove now. is_more: whether there is more than was counted."""

    before: datetime | None
    statements: int
    entities: int
    documents: int
    is_more: bool


class RetentionBook(Protocol):
    """Which policies there are, and what they concern."""

    async def standing(self, store: Store) -> Standing:
        """Return the policy of a store; the one that keeps for ever where none was set."""
        ...

    async def set(self, store: Store, policy: Policy, by: str, at: datetime) -> Standing:
        """Have the policy hold from now on."""
        ...

    async def count_before(self, store: Store, before: datetime, *, has_documents: bool) -> Preview:
        """Return what was stored before a time and is still kept."""
        ...


class Removal(Protocol):
    """Removes what is too old."""

    async def due(self) -> Sequence[tuple[Store, Policy]]:
        """Return every store whose policy removes anything, but for those whose index is still being filled."""
        ...

    async def remove_some(self, store: Store, days: int, before: datetime) -> bool:
        """Have removed some statements that were stored before then, the earliest; say whether none is left.

        Removes nothing, and says so, once the policy is no more one of so many days.
        """
        ...

    async def remove_loose(self, store: Store, before: datetime, *, has_documents: bool) -> bool:
        """Do the same with some of what stands on its own: entities, and documents where the policy says so."""
        ...

    async def swept(self, store: Store, days: int, at: datetime) -> None:
        """Have it known that nothing older was left at this time, if these days still hold."""
        ...


class Retention:
    """The use cases of whoever decides how long an organisation's data is kept. nudge: called when that changes."""

    def __init__(self, book: RetentionBook, clock: Clock, nudge: Callable[[], None]) -> None:
        self._book = book
        self._clock = clock
        self._nudge = nudge

    async def standing(self, store: Store) -> Standing:
        """Return the policy of a store and what it has come to."""
        return await self._book.standing(store)

    async def set(self, store: Store, policy: Policy, by: str) -> Standing:
        """Have the policy hold from now on; what is too old by then begins to go."""
        standing = await self._book.set(store, policy, by, self._clock.now())
        self._nudge()
        return standing

    async def preview(self, store: Store, policy: Policy) -> Preview:
        """Return what this policy would remove now. Nothing is removed or decided."""
        if policy.days is None:
            return Preview(None, 0, 0, 0, is_more=False)
        before = kept_since(policy.days, self._clock.now())
        return await self._book.count_before(store, before, has_documents=policy.has_documents)


class Retaining:
    """The loop that removes what is too old. every_seconds: between two looks at all policies."""

    def __init__(self, removal: Removal, clock: Clock, every_seconds: float) -> None:
        self._removal = removal
        self._clock = clock
        self._every_seconds = every_seconds
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Have it look at all policies at once."""
        self._nudged.set()

    async def run(self) -> None:
        """Remove at intervals, for ever. Raises Unavailable when the database is away; begun again it goes on."""
        while True:
            self._nudged.clear()
            await self.once()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), self._every_seconds)

    async def once(self) -> None:
        """Have nothing left that was too old when this began."""
        for store, policy in await self._removal.due():
            if policy.days is None:
                continue
            now = self._clock.now()
            before = kept_since(policy.days, now)
            while not await self._step(self._removal.remove_some(store, policy.days, before)):
                pass
            while not await self._step(self._removal.remove_loose(store, before, has_documents=policy.has_documents)):
                pass
            await self._removal.swept(store, policy.days, now)

    async def _step(self, step: Awaitable[bool]) -> bool:
        begun_at = self._clock.monotonic()
        is_done = await step
        await asyncio.sleep(max(PAUSE_SECONDS_MIN, self._clock.monotonic() - begun_at))
        return is_done
