"""Both clients by access tokens, against a server that lets tokens end, revokes them and is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from shared.client import AsyncClient, Client, ClientCredentials, Options
from tests.suites.client.both import Face, Kind, Threaded
from tests.suites.learning_events.house import statement

FLUSH_SECONDS = 20.0
CREDENTIALS = ClientCredentials("key_x", "dlk_x", scope="write")

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Server:
    """Grants tokens and takes statements by those that are good; `refusals` come before tokens."""

    def __init__(self, seconds: int = 3600) -> None:
        self.seconds = seconds
        self.good: set[str] = set()
        self.granted = 0
        self.delivered: list[str] = []
        self.by: list[str] = []
        self.refusals: list[httpx.Response] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return self._grant(request)
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.by.append(token)
        if token not in self.good:
            return httpx.Response(401, json={"detail": "this access token expired"})
        items = json.loads(request.content)
        self.delivered += [one["id"] for one in items]
        return httpx.Response(200, json=[one["id"] for one in items])

    def _grant(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Basic a2V5X3g6ZGxrX3g="
        assert request.content == b"grant_type=client_credentials&scope=write"
        if self.refusals:
            return self.refusals.pop(0)
        self.granted += 1
        token = f"dlo_{self.granted}"
        self.good.add(token)
        return httpx.Response(200, json={"access_token": token, "token_type": "bearer", "expires_in": self.seconds})


@pytest.fixture(params=[Client, AsyncClient], ids=["thread", "task"])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@asynccontextmanager
async def opened(kind: Kind, server: Server, spool: Path) -> AsyncIterator[Face]:
    origin, options, transport = "https://deedlog.example", Options(is_gzipped=False), httpx.MockTransport(server)
    client: Face
    if kind is Client:
        client = Threaded(Client(origin, CREDENTIALS, spool, options, transport=transport))
    else:
        client = await AsyncClient(origin, CREDENTIALS, spool, options, transport=transport).__aenter__()
    try:
        yield client
    finally:
        await client.close(0)


async def test_one_token_serves_many_deliveries(kind: Kind, spool: Path) -> None:
    server = Server()
    async with opened(kind, server, spool) as client:
        ids = []
        for _ in range(5):
            ids.append(await client.send(statement()))
            assert await client.flush(FLUSH_SECONDS)
    assert (server.delivered, server.granted) == (ids, 1)


async def test_a_token_is_renewed_before_its_end(kind: Kind, spool: Path) -> None:
    server = Server(seconds=1)
    async with opened(kind, server, spool) as client:
        for _ in range(3):
            await client.send(statement())
            assert await client.flush(FLUSH_SECONDS)
            server.seconds = 3600
            await asyncio.sleep(1.0)  # the first token's whole life
    assert server.by == ["dlo_1", "dlo_2", "dlo_2"]


async def test_a_token_that_ends_early_is_replaced_and_nothing_waits_for_it(kind: Kind, spool: Path) -> None:
    server = Server()
    async with opened(kind, server, spool) as client:
        first = await client.send(statement())
        assert await client.flush(FLUSH_SECONDS)
        server.good.clear()
        second = await client.send(statement())
        assert await client.flush(FLUSH_SECONDS)
        assert (await client.progress()).problem is None
    assert (server.delivered, server.by) == ([first, second], ["dlo_1", "dlo_1", "dlo_2"])


async def test_without_a_token_everything_waits_and_the_reason_is_told(kind: Kind, spool: Path) -> None:
    server = Server()
    refusal = {"error": "invalid_client", "error_description": "this key was revoked at 2026-03-01T00:00:00Z"}
    server.refusals = [httpx.Response(401, json=refusal) for _ in range(100)]
    async with opened(kind, server, spool) as client:
        sent = await client.send(statement())
        assert not await client.flush(1.0)
        problem = (await client.progress()).problem or ""
        assert "401: invalid_client: this key was revoked at" in problem
        assert "dlk_x" not in problem
        assert (await client.progress()).waiting == 1
        server.refusals.clear()
        assert await client.flush(FLUSH_SECONDS)
    assert server.delivered == [sent]
