"""A POST sent twice is done once. The same suite runs on a store in memory and on the one in Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from shared.kernel.clock import FixedClock
from shared.kernel.errors import Rejected, Unavailable
from shared.runtime import idempotency_postgres
from shared.runtime.http import Call, Reply, endpoint
from shared.runtime.idempotency import EXPIRY_SECONDS, LEASE_SECONDS, IdempotencyStore, Recorded, idempotent
from shared.runtime.idempotency_postgres import PostgresIdempotencyStore
from tests.contracts.edge.doors import ANYBODY, READER, WRITER, http_door

KEY = {"idempotency-key": "k-1"}


@dataclass
class MemoryIdempotencyStore:
    """An IdempotencyStore that keeps the same promises without a database."""

    clock: FixedClock
    kept: dict[tuple[str, str], tuple[Recorded, datetime]] = field(default_factory=dict)

    async def begin(self, caller: str, key: str, request_digest: bytes) -> Recorded | None:
        """As IdempotencyStore."""
        found = self.kept.get((caller, key))
        if found is not None and not self._is_over(*found):
            return found[0]
        self.kept[caller, key] = (Recorded(request_digest, None), self.clock.now())
        return None

    async def save(self, caller: str, key: str, request_digest: bytes, reply: Reply) -> None:
        """As IdempotencyStore."""
        if self._is_under_way(caller, key, request_digest):
            self.kept[caller, key] = (Recorded(request_digest, reply), self.kept[caller, key][1])

    async def forget(self, caller: str, key: str, request_digest: bytes) -> None:
        """As IdempotencyStore."""
        if self._is_under_way(caller, key, request_digest):
            del self.kept[caller, key]

    def _is_under_way(self, caller: str, key: str, request_digest: bytes) -> bool:
        found = self.kept.get((caller, key))
        return found is not None and found[0] == Recorded(request_digest, None)

    def _is_over(self, recorded: Recorded, started_at: datetime) -> bool:
        seconds = LEASE_SECONDS if recorded.reply is None else EXPIRY_SECONDS
        return started_at + timedelta(seconds=seconds) <= self.clock.now()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A server with the table as the store's own page gives it."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("idempotency"), free_port())
    await server.start()
    connection = await asyncpg.connect(server.admin_dsn)
    await connection.execute(table_from_docstring())
    await connection.close()
    yield server.admin_dsn
    await server.wipe()


def table_from_docstring() -> str:
    page = Path(idempotency_postgres.__file__).read_text()
    return page[page.index("CREATE TABLE") : page.index("No row-level security")]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest, clock: FixedClock, database: str) -> AsyncIterator[IdempotencyStore]:
    if request.param == "memory":
        yield MemoryIdempotencyStore(clock)
        return
    pool = await asyncpg.create_pool(database, min_size=1, max_size=4)
    await pool.execute("TRUNCATE idempotency_keys")
    yield PostgresIdempotencyStore(pool, clock)
    await pool.close()


class Counting:
    """A handler that counts how often it did its work."""

    def __init__(self) -> None:
        self.done = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.has_begun = asyncio.Event()

    async def __call__(self, call: Call) -> Reply:
        content = await call.body_bytes()
        self.has_begun.set()
        await self.gate.wait()
        if content == b"bad":
            raise Rejected.of("", "it is bad", "Send another.")
        if content == b"away":
            raise Unavailable("the database does not answer")
        self.done += 1
        size = 300_000 if content == b"huge" else 3
        return Reply.raw(b"x" * size, "text/plain", 201, {"location": f"/v1/things/{self.done}"})


async def post(client: httpx.AsyncClient, content: bytes = b"a", **more: Any) -> httpx.Response:
    return await client.post("/v1/things", content=content, **{"auth": WRITER, "headers": KEY, **more})


@pytest.fixture
def handler() -> Counting:
    return Counting()


@pytest.fixture
async def client(store: IdempotencyStore, handler: Counting) -> AsyncIterator[httpx.AsyncClient]:
    async with http_door([endpoint("POST", "/v1/things", idempotent(handler, store), scopes=ANYBODY)]) as client:
        yield client


async def test_a_repetition_gets_the_first_reply_whole(client: httpx.AsyncClient, handler: Counting) -> None:
    first, second = await post(client), await post(client)
    assert handler.done == 1
    assert (second.status_code, second.content) == (first.status_code, first.content) == (201, b"xxx")
    assert second.headers["location"] == first.headers["location"] == "/v1/things/1"
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


async def test_another_request_under_the_key_is_422(client: httpx.AsyncClient, handler: Counting) -> None:
    await post(client)
    for other in (await post(client, b"b"), await post(client, headers=KEY | {"content-type": "x/y"})):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-mismatch")
    assert handler.done == 1


async def test_while_the_first_is_under_way_a_repetition_is_409(client: httpx.AsyncClient, handler: Counting) -> None:
    handler.gate.clear()
    first = asyncio.create_task(post(client))
    await asyncio.wait_for(handler.has_begun.wait(), 10)
    second = await post(client)
    assert (second.status_code, second.json()["code"]) == (409, "still-running")
    handler.gate.set()
    assert (await first).status_code == 201


async def test_of_many_at_once_one_is_done(client: httpx.AsyncClient, handler: Counting) -> None:
    statuses = [reply.status_code for reply in await asyncio.gather(*(post(client) for _ in range(8)))]
    assert handler.done == 1
    assert set(statuses) <= {201, 409}
    assert 201 in statuses


@pytest.mark.parametrize(("content", "status"), [(b"bad", 400), (b"away", 503)])
async def test_a_failed_request_leaves_its_key_free(
    client: httpx.AsyncClient, handler: Counting, content: bytes, status: int
) -> None:
    assert (await post(client, content)).status_code == status
    assert (await post(client, b"mended")).status_code == 201


async def test_keys_of_different_callers_and_none_at_all_do_not_meet(
    client: httpx.AsyncClient, handler: Counting
) -> None:
    await post(client)
    await post(client, auth=READER)
    await post(client, headers={})
    await post(client, headers={})
    assert handler.done == 4


async def test_after_24_hours_the_key_is_new(client: httpx.AsyncClient, handler: Counting, clock: FixedClock) -> None:
    await post(client)
    clock.advance(24 * 3600 - 1)
    await post(client)
    assert handler.done == 1
    clock.advance(1)
    assert (await post(client, b"b")).status_code == 201


async def test_a_first_request_that_died_is_given_up_on_after_its_lease(
    store: IdempotencyStore, clock: FixedClock
) -> None:
    assert await store.begin("key:1", "k", b"d" * 32) is None
    clock.advance(LEASE_SECONDS - 1)
    assert await store.begin("key:1", "k", b"d" * 32) == Recorded(b"d" * 32, None)
    clock.advance(1)
    assert await store.begin("key:1", "k", b"e" * 32) is None
    await store.save("key:1", "k", b"d" * 32, Reply.json("late"))
    assert await store.begin("key:1", "k", b"e" * 32) == Recorded(b"e" * 32, None)


async def test_a_reply_beyond_the_bound_is_not_kept(client: httpx.AsyncClient, handler: Counting) -> None:
    await post(client, b"huge")
    assert len((await post(client, b"huge")).content) == 300_000
    assert handler.done == 2


async def test_expired_keys_are_purged_and_living_ones_are_not(database: str, clock: FixedClock) -> None:
    pool = await asyncpg.create_pool(database, min_size=1, max_size=2)
    store = PostgresIdempotencyStore(pool, clock)
    await pool.execute("TRUNCATE idempotency_keys")
    for number in range(5):
        await store.begin("key:1", f"old-{number}", b"d" * 32)
    clock.advance(EXPIRY_SECONDS)
    await store.begin("key:1", "new", b"d" * 32)
    assert await store.purge() == 5
    assert await pool.fetchval("SELECT key FROM idempotency_keys") == "new"
    await pool.close()
