"""One server, one broker and one running skill_inference for all tests of this folder; each brings its own people."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.suites.servers import Servers, running_servers
from tests.suites.skill_inference.house import House, Tenant, inference_house


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Running servers in a folder of their own."""
    async with running_servers(tmp_path_factory.mktemp("skill_inference")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(servers: Servers) -> AsyncIterator[House]:
    """A running skill_inference whose owners' facts reach it by hand."""
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address) as running:
        yield running


@pytest.fixture
def tenant(house: House) -> Tenant:
    """An organisation of the test's own."""
    return house.organisation()
