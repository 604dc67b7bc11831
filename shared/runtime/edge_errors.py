"""The refusals that only a door can make: about preconditions, replays, slow senders and methods.

They are kernel errors like all others, so handlers and other doors may treat them as the family they belong to; which
HTTP status each one has stands in `problem.py`, which gRPC status in `rpc_errors.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from shared.kernel.errors import Conflict, Rejected, Unauthenticated, Unsupported


class InvalidToken(Unauthenticated):
    """What came as a bearer token opens nothing, or nothing any more (RFC 6750 §3.1)."""


class PreconditionFailed(Conflict):
    """The state is not the one the caller named in If-Match or If-None-Match."""

    code: ClassVar[str] = "precondition-failed"


class PreconditionRequired(Rejected):
    """A change here must say which state it changes, and this one did not."""

    code: ClassVar[str] = "precondition-required"


class IdempotencyMismatch(Rejected):
    """The Idempotency-Key was used before with another request."""

    code: ClassVar[str] = "idempotency-mismatch"


class StillRunning(Conflict):
    """The first request with this Idempotency-Key has not ended."""

    code: ClassVar[str] = "still-running"


class SlowBody(Rejected):
    """The body did not arrive within the stated time."""

    code: ClassVar[str] = "slow-body"


class MethodNotAllowed(Unsupported):
    """The path is known and does not answer to this method."""

    code: ClassVar[str] = "method-not-allowed"

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.allowed = tuple(sorted(allowed))
        super().__init__(f"{method} is not answered here. Use {', '.join(self.allowed)}.")


class ClientGone(Exception):
    """The caller hung up before its request had arrived."""
