"""The process dies between a write and its commit, or between the commit and the reply; what was sent comes again."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from infra.embedded.ports import free_port
from infra.embedded.process import BARE_ENVIRONMENT, Child, spawn
from shared.runtime.faults import EXIT_CODE
from tests.suites.learning_events.house import TOKEN, House, Platform, identity_door, statement
from tests.suites.servers import Servers

ROOT: Final = Path(__file__).resolve().parents[3]
START_SECONDS_MAX: Final = 30.0

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def own_process(
    house: House, servers: Servers, log_file: Path, fault_point: str
) -> AsyncIterator[tuple[Child, str]]:
    """Run a learning_events in a process of its own, on the house's database, and yield it with its origin."""
    async with identity_door(house.identity) as identity_port:
        http_port = free_port()
        told = house.settings
        environment = {
            **BARE_ENVIRONMENT,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
            "DEEDLOG_DATABASE_DOOR_URL": told.database_door_url.get_secret_value(),
            "DEEDLOG_DATABASE_BACKBONE_URL": told.database_backbone_url.get_secret_value(),
            "DEEDLOG_KAFKA_ADDRESS": servers.broker.address,
            "DEEDLOG_RPC_ADDRESSES": f'{{"identity": "127.0.0.1:{identity_port}"}}',
            "DEEDLOG_SERVICE_TOKEN": TOKEN,
            "DEEDLOG_HTTP_PORT": str(http_port),
            "DEEDLOG_FAULT_POINT": fault_point,
        }
        child = spawn([sys.executable, "-m", "services.learning_events"], log_file, environment=environment)
        origin = f"http://127.0.0.1:{http_port}"
        try:
            await child.until(lambda: answers(origin), START_SECONDS_MAX)
            yield child, origin
        finally:
            await child.end()


async def answers(origin: str) -> bool:
    try:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{origin}/xapi/about")).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("fault_point", "kept"), [("learning-events.written:2", 1), ("learning-events.committed:2", 6)]
)
async def test_a_request_whose_process_died_is_stored_whole_or_not_and_once_when_it_comes_again(
    house: House, platform: Platform, servers: Servers, tmp_path: Path, fault_point: str, kept: int
) -> None:
    first, second = [statement("ada")], [statement("ada") for _ in range(5)]
    headers = {"content-type": "application/json", **platform.bearer}
    async with own_process(house, servers, tmp_path / "log", fault_point) as (child, origin):
        async with httpx.AsyncClient(base_url=origin, headers=headers) as client:
            assert (await client.post("/xapi/statements", json=first)).status_code == 200
            with pytest.raises(httpx.TransportError):
                await client.post("/xapi/statements", json=second)
        assert await child.exited(5)
        assert child.exit_code == EXIT_CODE
    async with asyncio.timeout(10):
        # The server notices the lost connection a moment later.
        while await house.counts(platform.organisation) != (kept, kept):
            await asyncio.sleep(0.05)
    assert await platform.post(second) == [one["id"] for one in second]
    assert await house.counts(platform.organisation) == (6, 6)
    assert [fact.number for fact in await house.stream(platform.person("ada"))] == [1, 2, 3, 4, 5, 6]
