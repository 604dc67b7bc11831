"""The gateway hands requests on and keeps nothing: bodies stream, headers of one connection stay on it, and a service
that is away is answered for. All over real sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from infra.embedded.gateway import Gateway, passed_on
from infra.embedded.ports import HOST, free_port
from shared.runtime.http import one_origin
from shared.runtime.http_server import HttpServer

App = Callable[[Any, Any, Any], Awaitable[None]]
Serve = Callable[[App], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Puts an application behind the gateway as learning_events, and returns a client of the gateway."""
    async with AsyncExitStack() as stack:

        async def start(app: App | None) -> httpx.AsyncClient:
            port = free_port()
            if app is not None:
                await _running(stack, HttpServer(app, HOST, port, grace_seconds=1))
            gateway = Gateway({"learning_events": f"http://{HOST}:{port}"})
            await _running(stack, gateway)
            door = HttpServer(one_origin([gateway]), HOST, 0, grace_seconds=1)
            await _running(stack, door)
            client = httpx.AsyncClient(base_url=f"http://{HOST}:{door.port}", trust_env=False)
            return await stack.enter_async_context(client)

        yield start


async def _running(stack: AsyncExitStack, component: Any) -> None:
    await component.start()
    stack.push_async_callback(component.stop)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what arrived."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    head = {name.decode(): value.decode() for name, value in scope["headers"]}
    answer = httpx.Response(200, json={"method": scope["method"], "target": target.decode(), "headers": head}).content
    await send(
        {
            "type": "http.response.start",
            "status": 201,
            "headers": [(b"x-body-bytes", b"%d" % len(body)), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")],
        }
    )
    await send({"type": "http.response.body", "body": answer})


async def test_method_target_body_and_headers_arrive_as_they_were_sent(serve: Serve) -> None:
    client = await serve(echo)
    answer = await client.post("/xapi/st%2Fx%20y?a=%20b&c", content=b"x" * 300_000, headers={"X-One": "1"})
    assert answer.status_code == 201
    assert answer.headers["x-body-bytes"] == "300000"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert len(answer.headers.get_list("date")) == 1
    told = answer.json()
    assert told["method"] == "POST"
    assert told["target"] == "/xapi/st%2Fx%20y?a=%20b&c"
    assert told["headers"]["x-one"] == "1"
    assert told["headers"]["host"] == str(client.base_url.netloc.decode())


async def test_a_target_can_name_no_other_host(serve: Serve) -> None:
    client = await serve(echo)
    reader, writer = await asyncio.open_connection(HOST, client.base_url.port)
    writer.write(b"GET @evil.example/xapi/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert b" 400 " in answer.split(b"\r\n")[0] or b" 404 " in answer.split(b"\r\n")[0]


async def test_a_chunked_body_arrives_whole(serve: Serve) -> None:
    client = await serve(echo)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"y" * 1_000

    answer = await client.put("/xapi/statements", content=chunks())
    assert answer.headers["x-body-bytes"] == "50000"


async def test_an_answer_streams_before_it_ends(serve: Serve) -> None:
    may_end = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await may_end.wait()
        await send({"type": "http.response.body", "body": b"last"})

    client = await serve(slow)
    async with asyncio.timeout(10), client.stream("GET", "/xapi/x") as answer:
        pieces = answer.aiter_bytes()
        assert await anext(pieces) == b"first"
        may_end.set()
        assert await anext(pieces) == b"last"


async def test_a_caller_that_hangs_up_ends_the_request_behind(serve: Serve) -> None:
    ended = asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await receive()
        while (await receive())["type"] != "http.disconnect":
            continue
        ended.set()

    client = await serve(endless)
    async with client.stream("GET", "/xapi/x") as answer:
        assert await anext(answer.aiter_bytes()) == b"first"
    async with asyncio.timeout(10):
        await ended.wait()


async def test_a_service_that_is_away_is_answered_for_by_name(serve: Serve) -> None:
    client = await serve(None)  # type: ignore[arg-type]
    answer = await client.post("/xapi/statements", json={})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert "learning_events" in answer.json()["detail"]


async def test_an_answer_that_breaks_off_does_not_look_complete(serve: Serve) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    client = await serve(broken)
    with pytest.raises(httpx.HTTPError):
        await client.get("/xapi/x")


async def test_a_path_of_nobody_is_not_found(serve: Serve) -> None:
    client = await serve(echo)
    answer = await client.get("/v1/people/prs_1/record")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not-found"


def test_headers_of_one_connection_stay_on_it() -> None:
    headers = [
        (b"Connection", b"close, X-Mine"),
        (b"X-Mine", b"1"),
        (b"Keep-Alive", b"5"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Upgrade", b"h2c"),
        (b"TE", b"trailers"),
        (b"Authorization", b"Bearer x"),
    ]
    assert passed_on(headers) == [(b"authorization", b"Bearer x")]
