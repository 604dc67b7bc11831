"""Secrets are shown once, also to who repeats a request: a kept reply has none in it.

The repetition is answered with everything else, so that its sender learns the id, revokes what they never got, and
asks anew.
"""

from __future__ import annotations

from dataclasses import replace

import orjson

from shared.runtime.idempotency import IdempotencyStore, Recorded
from shared.runtime.reply import Reply


class ShownOnce:
    """An IdempotencyStore that keeps replies of JSON with `field` set to null."""

    def __init__(self, inner: IdempotencyStore, field: str) -> None:
        self._inner = inner
        self._field = field

    async def begin(self, caller: str, key: str, request_digest: bytes) -> Recorded | None:
        """As the store within."""
        return await self._inner.begin(caller, key, request_digest)

    async def save(self, caller: str, key: str, request_digest: bytes, reply: Reply) -> None:
        """Have the reply ready for repetitions, without its secret."""
        if isinstance(reply.content, bytes):
            body = orjson.loads(reply.content) | {self._field: None}
            reply = replace(reply, content=orjson.dumps(body))
        await self._inner.save(caller, key, request_digest, reply)

    async def forget(self, caller: str, key: str, request_digest: bytes) -> None:
        """As the store within."""
        await self._inner.forget(caller, key, request_digest)
