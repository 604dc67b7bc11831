"""One server, one broker, one identity and one project_submissions for all tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.suites.identity.house import IdentityHouse, identity_house
from tests.suites.project_submissions.house import SubmissionsHouse, submissions_house, work
from tests.suites.servers import Servers, running_servers


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """A database server and a broker."""
    async with running_servers(tmp_path_factory.mktemp("submissions")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def identity(servers: Servers) -> AsyncIterator[IdentityHouse]:
    """A running identity."""
    postgres, broker = servers
    async with identity_house(postgres.admin_dsn, broker.address) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(
    servers: Servers,
    identity: IdentityHouse,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[SubmissionsHouse]:
    """A running project_submissions."""
    postgres, broker = servers
    files = tmp_path_factory.mktemp("files")
    async with submissions_house(identity, postgres.admin_dsn, broker.address, files) as running:
        yield running


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A bundle of a small project with two commits of Ada's."""
    return work(tmp_path_factory.mktemp("work") / "project")


@pytest.fixture(scope="session")
def other_bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Another."""
    return work(tmp_path_factory.mktemp("work") / "project", "print('hello again')\n")


@pytest.fixture(scope="session")
def own_root() -> Path:
    """The root of this repository."""
    return Path(__file__).resolve().parents[3]
