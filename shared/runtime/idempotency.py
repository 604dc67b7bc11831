"""A POST that is sent twice is done once: the second is answered with the first one's reply.

`idempotent` wraps a handler; the store is a port with one implementation in Postgres (`idempotency_postgres.py`). What
is guarded is the honest retry after a lost answer. A crash between the handler's commit and `save` leaves the key in
flight until its lease ends, after which the request is done again: handlers keep their own uniqueness where that hurts.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, Protocol

from shared.kernel.errors import Unavailable
from shared.kernel.hashing import tagged
from shared.runtime import telemetry
from shared.runtime.auth import Principal
from shared.runtime.call import Call
from shared.runtime.edge_errors import IdempotencyMismatch, StillRunning
from shared.runtime.http import Handler
from shared.runtime.reply import Reply
from shared.runtime.request_body import BYTES_MAX

EXPIRY_SECONDS: Final = 24 * 3600.0
"""How long a reply is kept; after that the same key is a new request."""
LEASE_SECONDS: Final = 90.0
"""How long a request may be under way before it counts as dead; longer than any handler may take."""
REPLY_BYTES_MAX: Final = 256 << 10
"""A longer reply is not kept, and a repetition is done again."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of a key. reply: None while the first request with it is under way."""

    request_digest: bytes
    reply: Reply | None


class IdempotencyStore(Protocol):
    """Remembers requests by caller and key. Every method raises Unavailable when it cannot."""

    async def begin(self, caller: str, key: str, request_digest: bytes) -> Recorded | None:
        """Return what is known of this key; None when it is new, and from then on it is under way.

        Of several that begin at once one gets None. The caller of that one owes `save` or `forget`.
        """
        ...

    async def save(self, caller: str, key: str, request_digest: bytes, reply: Reply) -> None:
        """Have the reply ready for repetitions until it expires. Does nothing when the key is no longer under way."""
        ...

    async def forget(self, caller: str, key: str, request_digest: bytes) -> None:
        """Have the key free again, because nothing was done under it."""
        ...


def idempotent(handler: Handler, store: IdempotencyStore, *, bytes_max: int = BYTES_MAX) -> Handler:
    """Return `handler` such that a request with an Idempotency-Key is done once; without one it is done as it comes.

    A repetition gets the first reply and `Idempotency-Replayed: true`; with another request under the same key
    IdempotencyMismatch (422) is raised, and StillRunning (409) while the first is under way. Errors are not kept: who
    was refused may mend the request and use the key again. Reads the body, at most `bytes_max` bytes.
    """

    async def once(call: Call) -> Reply:
        key = call.idempotency_key
        if key is None:
            return await handler(call)
        caller = caller_name(call.principal)
        digest = await _request_digest(call, bytes_max)
        recorded = await store.begin(caller, key, digest)
        if recorded is not None:
            return _repetition(recorded, digest)
        try:
            reply = await handler(call)
        except BaseException:
            await _unless_away(store.forget(caller, key, digest))
            raise
        keep = isinstance(reply.content, bytes) and len(reply.content) <= REPLY_BYTES_MAX and reply.status < 500
        if not keep:
            telemetry.count_bound("idempotent-reply-bytes")
        await _unless_away(store.save(caller, key, digest, reply) if keep else store.forget(caller, key, digest))
        return reply

    return once


def caller_name(principal: Principal) -> str:
    """Return the name under which a caller's keys are kept apart from those of others."""
    return f"{principal.kind}:{principal.id}"


async def _request_digest(call: Call, bytes_max: int) -> bytes:
    parts = (call.method, call.route, *(f"{name}={value}" for name, value in sorted(call.path.items())))
    media_type = call.headers.get("content-type", "")
    texts = (*parts, call.query_string, media_type)
    return tagged("idempotent-request", *(text.encode() for text in texts), await call.body_bytes(bytes_max))


def _repetition(recorded: Recorded, digest: bytes) -> Reply:
    if recorded.request_digest != digest:
        rule = "the key was used within 24 hours for another request"
        raise IdempotencyMismatch.of("idempotency-key", rule, "Use a fresh key for a new request.")
    if recorded.reply is None:
        rule = "the first request with this key is still under way"
        raise StillRunning.of("idempotency-key", rule, "Wait a second and send it again.")
    return recorded.reply.with_headers(("Idempotency-Replayed", "true"))


async def _unless_away(work: Awaitable[None]) -> None:
    """What the handler did stands, whether or not the store can be told; the lease then ends by itself."""
    try:
        await work
    except Unavailable as error:
        _log.warning("an idempotency key could not be settled", extra={"reason": error.message})
