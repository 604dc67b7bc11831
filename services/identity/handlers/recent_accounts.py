"""Accounts that were looked up a moment ago: the ingest path asks for the same few again and again.

An entry lives one second, which bounds how long another process may still hand out the person from before a merge.
In this process a merge, a split or an erasure forgets everything at once, and `generation` keeps a look-up that began
before it from putting its old answer back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from services.identity.domain.accounts import Account
from shared.kernel.clock import Clock
from shared.kernel.ids import OrganisationId

TTL_SECONDS: Final = 1.0
"""How long another process may not have heard of a merge."""
ENTRIES_MAX: Final = 50_000
"""About 20 MB; beyond it those that were looked up longest ago go."""


class RecentAccounts:
    """A bounded map of (organisation, identifier) to Account. full: called with the number of entries dropped."""

    def __init__(
        self,
        clock: Clock,
        full: Callable[[int], None],
        ttl_seconds: float = TTL_SECONDS,
        entries_max: int = ENTRIES_MAX,
    ) -> None:
        self._clock = clock
        self._full = full
        self._ttl_seconds = ttl_seconds
        self._entries_max = entries_max
        self._entries: dict[tuple[str, str], tuple[float, Account]] = {}
        self.generation = 0

    def found(self, organisation: OrganisationId, identifiers: Iterable[str]) -> dict[str, Account]:
        """Return those of the accounts that are known and fresh."""
        now = self._clock.monotonic()
        entries = self._entries
        known = {}
        for identifier in identifiers:
            entry = entries.get((organisation, identifier))
            if entry is not None and entry[0] > now:
                known[identifier] = entry[1]
        return known

    def put(self, generation: int, organisation: OrganisationId, accounts: Iterable[Account]) -> None:
        """Remember accounts that were looked up in this generation; those of an earlier one are not taken."""
        if generation != self.generation:
            return
        ends_at = self._clock.monotonic() + self._ttl_seconds
        for account in accounts:
            key = (organisation, account.identifier)
            self._entries.pop(key, None)
            self._entries[key] = (ends_at, account)
        self._shrink()

    def forget(self) -> None:
        """Have nothing known, and begin a new generation."""
        self._entries.clear()
        self.generation += 1

    def _shrink(self) -> None:
        dropped = len(self._entries) - self._entries_max
        if dropped <= 0:
            return
        for key in [key for key, _ in zip(self._entries, range(dropped), strict=False)]:
            del self._entries[key]
        self._full(dropped)
