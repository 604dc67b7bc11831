"""One server, one broker and one running record_log for all tests of this folder; each test brings its own people."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.events.sources import CREDENTIAL_ISSUING, IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS
from tests.suites.record_log.house import RECORD_LOG, House
from tests.suites.servers import running_servers

SOURCES = (IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS, CREDENTIAL_ISSUING)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A running record_log with four tellers around it."""
    folder = tmp_path_factory.mktemp("record-log")
    async with running_servers(folder) as servers:
        standing = House(
            servers.postgres.admin_dsn, servers.broker.address, folder, SOURCES, {"record_log": RECORD_LOG}
        )
        try:
            await standing.set_up()
            await standing.start()
            yield standing
        finally:
            await standing.tear_down()
