"""One server, one broker, one issuer and one record for all tests of this folder; each test brings its own people."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.suites.credential_issuing.house import PARTS, SOURCES
from tests.suites.record_log.house import House
from tests.suites.servers import running_servers


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A running issuer and a running record with four tellers around them."""
    folder = tmp_path_factory.mktemp("credential-issuing")
    async with running_servers(folder) as servers:
        standing = House(servers.postgres.admin_dsn, servers.broker.address, folder, SOURCES, dict(PARTS))
        try:
            await standing.set_up()
            await standing.start()
            yield standing
        finally:
            await standing.tear_down()
