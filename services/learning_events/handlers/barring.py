"""Keeps account of requests that were refused because of their key, for the organisation whose key was meant.

Whoever sends a key's id with a wrong secret, or a key that was revoked or has expired, is answered at once and learns
nothing by this; identity is asked afterwards whose key that was, a few times a second at most. What names no key that
was ever made is counted for the operator alone. What waits to be asked is bounded, and holds secrets for a second: it
is never written and never printed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from shared.kernel.clock import Clock
from shared.kernel.errors import Fault, Rejected, Unavailable
from shared.kernel.hashing import tagged

WAITING_MAX: Final = 1_000
"""Different attempts in memory, about 1 MB; equal ones are counted together."""
ASKED_AT_ONCE: Final = 50
PAUSE_SECONDS: Final = 0.5
"""How late a failed key shows in the log; with ASKED_AT_ONCE at most 100 questions a second to identity."""
REMEMBERED_MAX: Final = 2_000
REMEMBERED_SECONDS: Final = 60.0
_WRONG_SECRET: Final = Fault(
    "authorization",
    "the secret that came with this key's id is not the key's",
    "Copy the secret once more, or make a new key.",
)


@dataclass(frozen=True, slots=True)
class MeantKey:
    """A key that a credential which opens nothing was meant to be. is_secret_right: the key itself is over."""

    key: str
    organisation: str
    is_test: bool
    is_secret_right: bool


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """A request that was refused because of its key. fault: as it was answered. Not printable."""

    secret: str
    key_id: str
    method: str
    path: str
    request_id: str
    at: datetime
    fault: Fault

    def __repr__(self) -> str:
        return "Attempt(…)"


@dataclass(frozen=True, slots=True)
class FailedKey:
    """So many requests like this were refused, the first of them at `received_at`."""

    organisation: str
    id: str
    is_test: bool
    key: str
    received_at: datetime
    method: str
    path: str
    request_id: str
    times: int
    fault: Fault


class KeyNames(Protocol):
    """Knows which keys were ever made."""

    async def meant(self, secret: str, key_id: str) -> MeantKey | None:
        """Return the key that was meant; None where it is none that was ever made. Raises Unavailable."""
        ...


class FailedKeys(Protocol):
    """The store of what was refused because of its key."""

    async def add(self, failed: Sequence[FailedKey]) -> None:
        """Keep these, of each key the newest. Raises Unavailable."""
        ...


class FailedKeyLog:
    """Takes notes at once, and soon asks and writes. dropped, unknown: told of how many requests."""

    def __init__(
        self,
        store: FailedKeys,
        names: KeyNames,
        clock: Clock,
        new_id: Callable[[], str],
        dropped: Callable[[int], None],
        unknown: Callable[[int], None],
    ) -> None:
        self._store = store
        self._names = names
        self._clock = clock
        self._new_id = new_id
        self._dropped = dropped
        self._unknown = unknown
        self._waiting: OrderedDict[bytes, tuple[Attempt, int]] = OrderedDict()
        self._meant: OrderedDict[bytes, tuple[float, MeantKey | None]] = OrderedDict()
        self._noted = asyncio.Event()

    def note(self, one: Attempt) -> None:
        """Have the attempt looked into soon, or dropped and counted where too many others wait."""
        same = tagged("attempt", *(part.encode() for part in (one.secret, one.key_id, one.method, one.path)))
        first, times = self._waiting.get(same, (one, 0))
        if not times and len(self._waiting) >= WAITING_MAX:
            self._dropped(1)
            return
        self._waiting[same] = (first, times + 1)
        self._noted.set()

    async def run(self) -> None:
        """Look into what waits, for ever."""
        while True:
            await self._noted.wait()
            await asyncio.sleep(PAUSE_SECONDS)
            await self.settle()
            if not self._waiting:
                self._noted.clear()

    async def settle(self) -> None:
        """Have ASKED_AT_ONCE of what waits written, or counted; dropped where identity or the database is away."""
        taken = [self._waiting.popitem(last=False)[1] for _ in range(min(ASKED_AT_ONCE, len(self._waiting)))]
        count = sum(times for _, times in taken)
        try:
            failed = [one for attempt, times in taken if (one := await self._failed(attempt, times)) is not None]
            if failed:
                await self._store.add(failed)
        except Unavailable:
            self._dropped(count)

    async def _failed(self, attempt: Attempt, times: int) -> FailedKey | None:
        meant = await self._asked(attempt)
        if meant is None:
            self._unknown(times)
            return None
        fault = attempt.fault if meant.is_secret_right else _WRONG_SECRET
        head = (meant.organisation, self._new_id(), meant.is_test, meant.key, attempt.at, attempt.method, attempt.path)
        return FailedKey(*head, attempt.request_id, times, fault)

    async def _asked(self, attempt: Attempt) -> MeantKey | None:
        name = tagged("secret", attempt.key_id.encode(), attempt.secret.encode())
        known = self._meant.get(name)
        if known is not None and known[0] > self._clock.monotonic():
            return known[1]
        try:
            found = await self._names.meant(attempt.secret, attempt.key_id)
        except Rejected:  # whoever has no key chooses these texts; one that cannot be asked about is nobody's
            found = None
        self._meant[name] = (self._clock.monotonic() + REMEMBERED_SECONDS, found)
        self._meant.move_to_end(name)
        if len(self._meant) > REMEMBERED_MAX:
            self._meant.popitem(last=False)
        return found
