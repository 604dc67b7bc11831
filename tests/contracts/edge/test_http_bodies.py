"""What is sent to the HTTP door is bounded and strict, and whoever is refused gets to read why."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import BaseModel

from shared.runtime.http import Call, Reply, endpoint
from shared.runtime.request_body import RequestBody
from tests.contracts.edge.doors import ANYBODY, WRITER, http_door

JSON = {"content-type": "application/json"}
MEGABYTE = 1 << 20


class Thing(BaseModel):
    title: str
    count: int


async def keep(call: Call) -> Reply:
    thing = await call.model(Thing)
    return Reply.model(thing, 201)


async def size(call: Call) -> Reply:
    return Reply.json(len(await call.body_bytes()))


ENDPOINTS = [
    endpoint("POST", "/v1/things", keep, scopes=ANYBODY),
    endpoint("POST", "/v1/sizes", size, scopes=None),
]


async def refused(content: bytes | AsyncIterator[bytes], path: str = "/v1/things", **headers: str) -> httpx.Response:
    async with http_door(ENDPOINTS) as client:
        named = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.post(path, content=content, headers=named, auth=WRITER)


async def test_a_sound_thing_is_taken_also_when_compressed() -> None:
    content = b'{"title": "x", "count": 1}'
    assert (await refused(content)).status_code == 201
    assert (await refused(gzip.compress(content), content_encoding="gzip")).json() == {"title": "x", "count": 1}


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        (b'{"title": "a", "title": "b", "count": 1}', "/title"),
        (b'{"title": "a", "count": NaN}', "/count"),
        (b'{"title": "a", "count": 1, "colour": 2}', "/colour"),
        (b'{"title": "a", "count": "1"}', "/count"),
        (b'{"title": "\\ud800", "count": 1}', "/title"),
        (b'{"count": 1}', "/title"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "/a" * 64),
        (b"{", ""),
    ],
)
async def test_a_fault_is_told_with_its_place_its_rule_and_its_mend(content: bytes, pointer: str) -> None:
    reply = await refused(content)
    assert reply.status_code == 400
    fault = reply.json()["errors"][0]
    assert fault["pointer"] == pointer
    assert fault["rule"]
    assert fault["mend"]


async def test_what_announces_too_many_bytes_is_told_the_bound() -> None:
    reply = await refused(b"x" * (9 * MEGABYTE))
    assert reply.status_code == 413
    assert "8388608 bytes" in reply.json()["detail"]


async def test_what_streams_too_many_bytes_is_told_the_bound() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * MEGABYTE

    assert (await refused(endless())).status_code == 413


async def test_an_inflation_bomb_is_told_the_bound() -> None:
    bomb = gzip.compress(b"\0" * (300 * MEGABYTE))
    reply = await refused(bomb, content_encoding="gzip")
    assert reply.status_code == 413
    assert "sent or inflated" in reply.json()["detail"]


async def test_exactly_the_bound_is_taken() -> None:
    assert (await refused(b"x" * (8 * MEGABYTE), "/v1/sizes")).json() == 8 * MEGABYTE
    inflated = gzip.compress(b"\0" * (8 * MEGABYTE))
    assert (await refused(inflated, "/v1/sizes", content_encoding="gzip")).json() == 8 * MEGABYTE


async def test_another_media_type_charset_or_coding_is_415() -> None:
    assert (await refused(b"{}", content_type="text/csv")).status_code == 415
    assert (await refused(b"{}", content_type="application/json; charset=utf-16")).status_code == 415
    reply = await refused(b"{}", content_encoding="br")
    assert (reply.status_code, reply.headers["accept-encoding"]) == (415, "gzip, deflate, identity")


async def test_a_body_that_dribbles_in_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RequestBody.__init__, "__defaults__", (0.2,))

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x"
            await asyncio.sleep(0.05)

    reply = await refused(slow(), "/v1/sizes")
    assert (reply.status_code, reply.json()["code"]) == (408, "slow-body")


async def test_a_refusal_that_did_not_read_the_body_keeps_the_connection_when_little_is_left() -> None:
    async with http_door(ENDPOINTS) as client:
        for _ in range(3):
            reply = await client.post("/v1/things", content=b"x" * 1000, headers=JSON)
            assert reply.status_code == 401
            assert "connection" not in reply.headers


async def test_a_header_that_may_stand_once_and_stands_twice_is_refused() -> None:
    async with http_door(ENDPOINTS) as client:
        headers = [("content-type", "application/json"), ("content-type", "text/plain")]
        reply = await client.post("/v1/sizes", content=b"{}", headers=headers)
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (400, "content-type")


async def test_a_caller_that_hangs_up_amid_its_body_leaves_the_door_open_to_others() -> None:
    async with http_door(ENDPOINTS) as client:
        assert client.base_url.port is not None
        _, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"POST /v1/sizes HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await client.post("/v1/sizes", content=b"abc")).json() == 3


async def test_more_requests_than_the_bound_are_answered_at_once_with_503() -> None:
    gate, arrivals = asyncio.Event(), asyncio.Semaphore(0)

    async def wait(call: Call) -> Reply:
        arrivals.release()
        await gate.wait()
        return Reply.empty()

    async with http_door([endpoint("GET", "/v1/wait", wait, scopes=None)], requests_max=2) as client:
        waiting = [asyncio.create_task(client.get("/v1/wait")) for _ in range(2)]
        for _ in waiting:
            await asyncio.wait_for(arrivals.acquire(), 10)
        reply = await client.get("/v1/wait")
        assert (reply.status_code, reply.json()["code"]) == (503, "unavailable")
        gate.set()
        assert [(await task).status_code for task in waiting] == [204, 204]


async def test_a_stream_is_sent_as_it_comes_and_closed_when_its_reader_leaves() -> None:
    closed = asyncio.Event()

    async def ticks() -> AsyncIterator[bytes]:
        try:
            for number in range(1000):
                yield json.dumps(number).encode() + b"\n"
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async def stream(call: Call) -> Reply:
        return Reply.stream(ticks(), "text/event-stream")

    async with http_door([endpoint("GET", "/v1/feed", stream, scopes=None)]) as client:
        async with client.stream("GET", "/v1/feed") as reply:
            lines = reply.aiter_lines()
            assert [await anext(lines) for _ in range(3)] == ["0", "1", "2"]
        await asyncio.wait_for(closed.wait(), 10)


async def test_head_on_a_stream_ends_at_once() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    async def stream(call: Call) -> Reply:
        return Reply.stream(endless(), "text/event-stream")

    async with http_door([endpoint("GET", "/v1/feed", stream, scopes=None)]) as client, asyncio.timeout(10):
        reply = await client.head("/v1/feed")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/event-stream")
