"""One server, one broker and one running identity for all tests of this folder; each test brings its own people."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.suites.identity.house import IdentityHouse, identity_house
from tests.suites.servers import Servers, running_servers


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """A database server and a broker."""
    async with running_servers(tmp_path_factory.mktemp("identity")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(servers: Servers) -> AsyncIterator[IdentityHouse]:
    """A running identity."""
    postgres, broker = servers
    async with identity_house(postgres.admin_dsn, broker.address) as running:
        yield running
