"""The database or the broker is away for a while: nothing that was answered is lost, and it goes on when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.suites.learning_events.house import House, learning_events_house, statement
from tests.suites.learning_events.test_corpus import relayed
from tests.suites.servers import Servers, running_servers

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

BACK_SECONDS_MAX = 30


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own_servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Servers that a test may end."""
    async with running_servers(tmp_path_factory.mktemp("outages")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own_house(own_servers: Servers) -> AsyncIterator[House]:
    """A running learning_events on them."""
    async with learning_events_house(own_servers.postgres.admin_dsn, own_servers.broker.address) as running:
        yield running


async def test_without_its_database_it_says_so_and_goes_on_when_it_is_back(
    own_house: House, own_servers: Servers
) -> None:
    platform = own_house.platform()
    before, during = statement(), statement()
    await platform.post(before)
    await own_servers.postgres.kill()
    response = await platform.send(during)
    assert response.status_code == 503
    assert response.json()["code"] == "database-unavailable"
    assert int(response.headers["retry-after"]) >= 1
    await own_servers.postgres.start()
    async with asyncio.timeout(BACK_SECONDS_MAX):
        while (await platform.send(during)).status_code != 200:
            await asyncio.sleep(0.1)
    assert await platform.read(before["id"]) is not None
    assert await own_house.counts(platform.organisation) == (2, 2)


async def test_without_the_broker_everything_is_taken_and_told_when_it_is_back(
    own_house: House, own_servers: Servers
) -> None:
    platform = own_house.platform()
    await own_servers.broker.kill()
    sent = [statement(f"person-{number}") for number in range(20)]
    assert await platform.post(sent) == [one["id"] for one in sent]
    await own_servers.broker.start()
    async with own_house.backbone.reading() as connection:
        await relayed(connection)
    assert await own_house.counts(platform.organisation) == (20, 20)
