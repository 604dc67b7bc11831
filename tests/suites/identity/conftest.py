"""One server, one broker and one running identity for all tests of this folder; each test brings its own people."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from tests.suites.identity.house import IdentityHouse, identity_house


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[EmbeddedPostgres, EmbeddedBroker]]:
    """A database server and a broker."""
    folder = tmp_path_factory.mktemp("identity")
    postgres = EmbeddedPostgres(folder / "postgres", free_port())
    broker = EmbeddedBroker(free_port(), folder / "broker.log")
    await postgres.start()
    await broker.start()
    yield postgres, broker
    await broker.kill()
    await postgres.wipe()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(servers: tuple[EmbeddedPostgres, EmbeddedBroker]) -> AsyncIterator[IdentityHouse]:
    """A running identity."""
    postgres, broker = servers
    async with identity_house(postgres.admin_dsn, broker.address) as running:
        yield running
