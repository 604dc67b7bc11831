"""One server, one broker and one running skill_inference for all tests of this folder; each brings its own people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from tests.suites.skill_inference.house import House, Tenant, inference_house


@dataclass(frozen=True)
class Servers:
    """A database server and a broker."""

    postgres: EmbeddedPostgres
    broker: EmbeddedBroker


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Running servers in a folder of their own."""
    folder = tmp_path_factory.mktemp("skill_inference")
    postgres = EmbeddedPostgres(folder / "postgres", free_port())
    broker = EmbeddedBroker(free_port(), folder / "broker.log")
    await postgres.start()
    await broker.start()
    yield Servers(postgres, broker)
    await broker.kill()
    await postgres.wipe()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(servers: Servers) -> AsyncIterator[House]:
    """A running skill_inference whose owners' facts reach it by hand."""
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address) as running:
        yield running


@pytest.fixture
def tenant(house: House) -> Tenant:
    """An organisation of the test's own."""
    return house.organisation()
