"""An HTTP client that costs next to nothing, so that a bench measures the server: a connection, a request at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httptools


class RawClient(asyncio.Protocol):
    """One connection that posts to one path. Not safe for two requests at once."""

    def __init__(self, host: str, port: int, path: str, headers: Mapping[str, str]) -> None:
        self._address = (host, port)
        lines = [
            f"POST {path} HTTP/1.1",
            f"host: {host}:{port}",
            *(f"{name}: {text}" for name, text in headers.items()),
        ]
        self._head = ("\r\n".join(lines) + "\r\ncontent-length: ").encode()
        self._get_tail = ("\r\n" + "\r\n".join(lines[1:]) + "\r\n\r\n").encode()
        self._transport: Any = None
        self._parser: Any = None
        self._answered: asyncio.Future[int] | None = None
        self._parts: list[bytes] = []

    @property
    def content(self) -> bytes:
        """The body of the last answer."""
        return b"".join(self._parts)

    async def __aenter__(self) -> Self:
        """Connect."""
        await asyncio.get_running_loop().create_connection(lambda: self, *self._address)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._transport.close()

    async def post(self, body: bytes) -> int:
        """Return the status that the server answered this body with. Raises ConnectionError."""
        return await self._ask([self._head, b"%d\r\n\r\n" % len(body), body])

    async def get(self, path: str) -> int:
        """Return the status that the server answers this path with, asked by the same headers."""
        return await self._ask([f"GET {path} HTTP/1.1".encode(), self._get_tail])

    async def _ask(self, parts: list[bytes]) -> int:
        self._answered = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._parts = []
        self._transport.writelines(parts)
        return await self._answered

    # asyncio's protocol

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Have whoever waits for an answer know."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError("the server hung up"))

    # httptools's protocol

    def on_body(self, body: bytes) -> None:
        """Keep a part of the answer."""
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Hand the status to whoever waits."""
        if self._answered is not None:
            self._answered.set_result(self._parser.get_status_code())
