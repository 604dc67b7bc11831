"""One server, one broker and one running learning_events for all tests of this folder; each brings its own tenants."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.suites.learning_events.house import House, Platform, learning_events_house
from tests.suites.servers import Servers, running_servers


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Running servers in a folder of their own."""
    async with running_servers(tmp_path_factory.mktemp("learning_events")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(servers: Servers) -> AsyncIterator[House]:
    """A running learning_events."""
    async with learning_events_house(servers.postgres.admin_dsn, servers.broker.address) as running:
        yield running


@pytest.fixture
def platform(house: House) -> Platform:
    """A tenant's key that may write and read."""
    return house.platform()
