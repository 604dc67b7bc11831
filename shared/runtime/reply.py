"""What a handler answers: a status, headers and bytes. Nothing is written while it is built."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import orjson
from pydantic import BaseModel
from starlette.types import Receive, Send

from shared.runtime import telemetry

JSON: Final = "application/json"
_log = logging.getLogger(__name__)
Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """A response. content: bytes, or an iterator of chunks for a reply without a known length.

    stall_seconds: how long a caller may take none of a chunk before a reply in chunks is broken off; None for any time.
    """

    status: int = 200
    content: bytes | AsyncIterator[bytes] = b""
    media_type: str = ""
    headers: tuple[Header, ...] = ()
    stall_seconds: float | None = None

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """Return a reply of JSON; datetimes become RFC 3339, bytes of JSON go in by `raw`."""
        return cls(status, orjson.dumps(value), JSON, tuple((headers or {}).items()))

    @classmethod
    def model(cls, value: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """Return a reply of a pydantic model as JSON, by its aliases; fields that are None stay in."""
        content = value.model_dump_json(by_alias=True).encode()
        return cls(status, content, JSON, tuple((headers or {}).items()))

    @classmethod
    def raw(cls, content: bytes, media_type: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """Return a reply of these bytes."""
        return cls(status, content, media_type, tuple((headers or {}).items()))

    @classmethod
    def empty(cls, status: int = 204, headers: Mapping[str, str] | None = None) -> Self:
        """Return a reply without content."""
        return cls(status, b"", "", tuple((headers or {}).items()))

    @classmethod
    def stream(
        cls,
        chunks: AsyncIterator[bytes],
        media_type: str,
        headers: Mapping[str, str] | None = None,
        *,
        stall_seconds: float | None = None,
    ) -> Self:
        """Return a reply that is written as `chunks` come; it is closed when the caller hangs up or stalls."""
        return cls(200, chunks, media_type, tuple((headers or {}).items()), stall_seconds)

    def with_headers(self, *headers: Header) -> Self:
        """Return this reply with further headers."""
        return replace(self, headers=self.headers + headers)

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as ASGI wants them: lower-case names, type and length first."""
        raw = []
        if self.media_type:
            raw.append((b"content-type", self.media_type.encode("latin-1")))
        if isinstance(self.content, bytes) and self.status not in {204, 304}:
            raw.append((b"content-length", b"%d" % len(self.content)))
        raw += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]
        return raw


async def send_reply(reply: Reply, receive: Receive, send: Send) -> None:
    """Have sent the whole reply, or have closed its iterator because the caller hung up or stalled."""
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.raw_headers()})
    if isinstance(reply.content, bytes):
        await send({"type": "http.response.body", "body": reply.content})
        return
    writing = asyncio.ensure_future(_write(reply.content, send, reply.stall_seconds))
    hang_up = asyncio.ensure_future(_hang_up(receive))
    try:
        await asyncio.wait((writing, hang_up), return_when=asyncio.FIRST_COMPLETED)
        if writing.done():
            await writing
    finally:
        hang_up.cancel()
        writing.cancel()
        await asyncio.gather(hang_up, writing, return_exceptions=True)


async def _write(chunks: AsyncIterator[bytes], send: Send, stall_seconds: float | None) -> None:
    async with contextlib.AsyncExitStack() as stack:
        if hasattr(chunks, "aclose"):
            stack.push_async_callback(chunks.aclose)
        async for chunk in chunks:
            try:
                async with asyncio.timeout(stall_seconds):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except TimeoutError:
                telemetry.count_bound("http-stall-seconds")
                _log.warning("a reply was broken off: its caller took nothing of it for %g s", stall_seconds)
                return
    await send({"type": "http.response.body", "body": b""})


async def _hang_up(receive: Receive) -> None:
    """Return when the caller has hung up; what is left of the request body is dropped on the way."""
    while (await receive())["type"] != "http.disconnect":
        continue
