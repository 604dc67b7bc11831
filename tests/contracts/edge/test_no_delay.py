"""A reply leaves when it is written: Nagle's delay would hold each one back until the caller's ACK, 40 ms."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvloop

from shared.runtime.http import Call, Reply, application, endpoint
from shared.runtime.http_server import HttpServer


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_connections_are_accepted_without_delay(loop_factory: type[asyncio.AbstractEventLoop]) -> None:
    async def answer(call: Call) -> Reply:
        return Reply.json({})

    async def delays() -> list[int]:
        server = HttpServer(application([endpoint("GET", "/x", answer, scopes=None)], service="t"), "127.0.0.1", 0)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"{}")
        accepted = [
            connection.transport.get_extra_info("socket") for connection in server._server.server_state.connections
        ]
        found = [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in accepted]
        writer.close()
        await server.stop()
        return found

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert [bool(each) for each in runner.run(delays())] == [True]
