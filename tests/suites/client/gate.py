"""A relay on a port of its own that can be shut, so that a server is down for those who come this way."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from infra.embedded.ports import free_port

PIECE_BYTES: Final = 64 << 10


class Gate:
    """Passes connections on to 127.0.0.1:`port` while it is open; shutting it cuts those that stand."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._own_port = free_port()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._own_port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._own_port)

    async def shut(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, here}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pour(reader, here))
                both.create_task(_pour(there, writer))
        finally:
            self._writers -= {writer, here}


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    writer.close()
