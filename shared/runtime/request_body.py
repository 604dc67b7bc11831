"""A request body that can cost no more than was said: in bytes, in inflated bytes, and in time.

A bound is kept three times: on Content-Length before anything is read, on what arrives, and on what it inflates to. The
inflater is never asked for more than is left of the bound, so a bomb costs what an honest body of that size costs.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

from starlette.types import Receive

from shared.kernel.errors import Rejected, TooLarge, Unsupported
from shared.runtime import telemetry
from shared.runtime.edge_errors import ClientGone, SlowBody

BYTES_MAX: Final = 8 << 20
"""8 MiB, sent and inflated alike, unless a handler states another bound."""
SECONDS_MAX: Final = 30.0
"""How long a body may take to arrive: 8 MiB at 2.2 Mbit/s."""
PIECE_BYTES: Final = 256 << 10
"""Inflated between two turns of the event loop: about 1 ms."""
DRAIN_BYTES_MAX: Final = 16 << 20
"""Read and dropped of a body that was refused, so that the sender gets to read why."""
DRAIN_SECONDS_MAX: Final = 2.0

_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class RequestBody:
    """The body of one request. Read it once, whole or in chunks; a whole one is kept and may be asked for again."""

    def __init__(self, headers: Mapping[str, str], receive: Receive, seconds_max: float = SECONDS_MAX) -> None:
        self._headers = headers
        self._receive = receive
        self._seconds_max = seconds_max
        self._content: bytes | None = None
        self._is_arrived = False

    @property
    def is_arrived(self) -> bool:
        """Whether nothing of the body is still to come."""
        return self._is_arrived or (self._headers.get("content-length", "0") == "0" and not self._is_chunked())

    @property
    def is_small(self) -> bool:
        """Whether it announced so few bytes that reading them is cheaper than a new connection."""
        return 0 < int(self._headers.get("content-length") or 0) <= PIECE_BYTES

    async def read(self, bytes_max: int = BYTES_MAX) -> bytes:
        """Return the whole body, inflated. Raises TooLarge, naming the bound; Unsupported for a coding we do not read;
        Rejected when it does not inflate; SlowBody; ClientGone.
        """
        if self._content is None:
            self._content = await self._read(bytes_max)
        if len(self._content) > bytes_max:
            raise _too_large(bytes_max)
        return self._content

    async def chunks(self, bytes_max: int) -> AsyncIterator[bytes]:
        """Yield the body, inflated, as it arrives, at most `bytes_max` bytes of it. Raises as `read` does; the time
        bound holds for each chunk, so that a long upload may go on for as long as it moves.
        """
        inflater = self._inflater(bytes_max)
        async for raw in self._arriving():
            async for piece in inflater.feed(raw):
                yield piece
        inflater.finish()

    async def chunks_as_sent(self, bytes_max: int) -> AsyncIterator[bytes]:
        """Yield the body as it arrives and as it was sent, in whatever coding, at most `bytes_max` bytes of it. Raises
        TooLarge, SlowBody and ClientGone; the time bound holds for each chunk.
        """
        if int(self._headers.get("content-length") or 0) > bytes_max:
            raise _too_large(bytes_max)
        counter = _Plain(bytes_max)
        async for raw in self._arriving():
            async for piece in counter.feed(raw):
                yield piece

    async def drain(self) -> None:
        """Have read and dropped what is left, up to DRAIN_BYTES_MAX bytes or DRAIN_SECONDS_MAX seconds of it."""
        left = DRAIN_BYTES_MAX
        try:
            async with asyncio.timeout(DRAIN_SECONDS_MAX):
                while left > 0 and not self._is_arrived:
                    left -= len(await self._next())
        except (TimeoutError, ClientGone):
            return

    async def _arriving(self) -> AsyncIterator[bytes]:
        while not self._is_arrived:
            try:
                async with asyncio.timeout(self._seconds_max):
                    raw = await self._next()
            except TimeoutError:
                raise self._slow() from None
            yield raw

    async def _read(self, bytes_max: int) -> bytes:
        inflater = self._inflater(bytes_max)
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(self._seconds_max):
                while not self._is_arrived:
                    parts += [piece async for piece in inflater.feed(await self._next())]
        except TimeoutError:
            raise self._slow() from None
        inflater.finish()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientGone
        self._is_arrived = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    def _inflater(self, bytes_max: int) -> _Plain | _Inflater:
        if int(self._headers.get("content-length") or 0) > bytes_max:
            raise _too_large(bytes_max)
        coding = self._headers.get("content-encoding", "identity").strip().lower()
        if coding == "identity":
            return _Plain(bytes_max)
        if coding not in _WINDOW_BITS:
            raise Unsupported.of("content-encoding", f"{coding[:40]!r} is not read here", "Use gzip, deflate or none.")
        return _Inflater(_WINDOW_BITS[coding], bytes_max)

    def _is_chunked(self) -> bool:
        return "transfer-encoding" in self._headers

    def _slow(self) -> SlowBody:
        telemetry.count_bound("http-body-seconds")
        return SlowBody.of("", f"the body did not arrive within {self._seconds_max:g} s", "Send it faster, or less.")


class _Plain:
    """Counts."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = self._left = bytes_max

    async def feed(self, raw: bytes) -> AsyncIterator[bytes]:
        self._left -= len(raw)
        if self._left < 0:
            raise _too_large(self._bytes_max)
        if raw:
            yield raw

    def finish(self) -> None:
        return


class _Inflater:
    """Inflates one zlib or gzip member, never beyond the bound."""

    def __init__(self, window_bits: int, bytes_max: int) -> None:
        self._zlib = zlib.decompressobj(window_bits)
        self._bytes_max = self._left = self._raw_left = bytes_max

    async def feed(self, raw: bytes) -> AsyncIterator[bytes]:
        self._raw_left -= len(raw)
        if self._raw_left < 0:
            raise _too_large(self._bytes_max)
        while raw:
            try:
                piece = self._zlib.decompress(raw, min(PIECE_BYTES, self._left + 1))
            except zlib.error:
                raise _does_not_inflate("it is not in the coding that Content-Encoding names") from None
            self._left -= len(piece)
            if self._left < 0:
                raise _too_large(self._bytes_max)
            raw = self._zlib.unconsumed_tail
            if self._zlib.unused_data:
                raise _does_not_inflate("something follows the end of the compressed body")
            if piece:
                yield piece
            if raw:
                await asyncio.sleep(0)

    def finish(self) -> None:
        if not self._zlib.eof:
            raise _does_not_inflate("the compressed body ends too early")


def _does_not_inflate(rule: str) -> Rejected:
    return Rejected.of("", rule, "Compress the whole body once, as a single gzip or zlib member.")


def _too_large(bytes_max: int) -> TooLarge:
    telemetry.count_bound("http-body-bytes")
    return TooLarge.of("", f"the body has more than {bytes_max} bytes, sent or inflated", "Send it in smaller parts.")
