"""A secret is asked of identity once in ten seconds, not once a request.

The price is stated: a key that was revoked still works for up to TTL_SECONDS. Entries are found by a hash of the
secret, so that a memory dump shows no key. Known and unknown secrets are kept apart: a flood of wrong ones cannot push
out the right ones.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final, Generic, TypeVar

from shared.kernel.clock import Clock
from shared.kernel.errors import Fault, Unauthenticated
from shared.kernel.hashing import tagged
from shared.runtime import telemetry
from shared.runtime.auth import Authenticator, Principal

TTL_SECONDS: Final = 10.0
"""How long a revoked key may still work."""
NEGATIVE_TTL_SECONDS: Final = 2.0
"""How long a key that was just made may still be refused, had it been tried before."""
ENTRIES_MAX: Final = 10_000
"""About 5 MB; beyond it the entry that lay unused for longest goes."""

_MEND: Final = "Use a credential that is valid now."

_HIT = telemetry.AUTHENTICATIONS.labels("cached")
_ASKED = telemetry.AUTHENTICATIONS.labels("asked")
_JOINED = telemetry.AUTHENTICATIONS.labels("joined")
_T = TypeVar("_T")


class CachingAuthenticator:
    """Remembers what `inner` answered. Many callers with one secret ask `inner` once; Unavailable is not remembered."""

    def __init__(
        self, inner: Authenticator, clock: Clock, ttl_seconds: float = TTL_SECONDS, entries_max: int = ENTRIES_MAX
    ) -> None:
        self._inner = inner
        self._known: _Recent[Principal] = _Recent(clock, ttl_seconds, entries_max)
        self._unknown: _Recent[tuple[str, str]] = _Recent(clock, min(NEGATIVE_TTL_SECONDS, ttl_seconds), entries_max)
        self._asking: dict[bytes, asyncio.Task[Principal]] = {}

    async def authenticate(self, secret: str, key_id: str) -> Principal:
        """Return whose secret this is, as of at most `ttl_seconds` ago. Raises as `inner` does."""
        entry = tagged("secret", key_id.encode(), secret.encode())
        principal = self._known.get(entry)
        if principal is not None:
            _HIT.inc()
            return principal
        refusal = self._unknown.get(entry)
        if refusal is not None:
            _HIT.inc()
            raise Unauthenticated.of("authorization", *refusal)
        return await self._ask(entry, secret, key_id)

    async def _ask(self, entry: bytes, secret: str, key_id: str) -> Principal:
        """Join the question about this entry. A caller that goes away does not take the answer from the others."""
        asking = self._asking.get(entry)
        if asking is None:
            _ASKED.inc()
            asking = self._asking[entry] = asyncio.ensure_future(self._answer(entry, secret, key_id))
            asking.add_done_callback(_observed)
        else:
            _JOINED.inc()
        return await asyncio.shield(asking)

    async def _answer(self, entry: bytes, secret: str, key_id: str) -> Principal:
        try:
            principal = await self._inner.authenticate(secret, key_id)
        except Unauthenticated as error:
            fault = error.faults[0] if error.faults else Fault("", error.message, _MEND)
            self._unknown.put(entry, (fault.rule, fault.mend))
            raise
        finally:
            del self._asking[entry]
        self._known.put(entry, principal)
        return principal


class _Recent(Generic[_T]):
    """A bounded map whose entries end after a time; the least recently used goes first."""

    def __init__(self, clock: Clock, ttl_seconds: float, entries_max: int) -> None:
        self._clock = clock
        self._ttl_seconds = ttl_seconds
        self._entries_max = entries_max
        self._entries: OrderedDict[bytes, tuple[float, _T]] = OrderedDict()

    def get(self, key: bytes) -> _T | None:
        found = self._entries.get(key)
        if found is None:
            return None
        if found[0] <= self._clock.monotonic():
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return found[1]

    def put(self, key: bytes, value: _T) -> None:
        self._entries[key] = (self._clock.monotonic() + self._ttl_seconds, value)
        self._entries.move_to_end(key)
        if len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)
            telemetry.count_bound("authentication-cache-entries")


def _observed(asking: asyncio.Task[Principal]) -> None:
    """Look at the outcome, so that a question all of whose callers went away leaves no warning."""
    if not asking.cancelled():
        asking.exception()
