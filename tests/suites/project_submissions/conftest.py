"""One server, one broker, one identity and one project_submissions for all tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from tests.suites.identity.house import IdentityHouse, identity_house
from tests.suites.project_submissions.house import SubmissionsHouse, submissions_house, work


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[EmbeddedPostgres, EmbeddedBroker]]:
    """A database server and a broker."""
    folder = tmp_path_factory.mktemp("submissions")
    postgres = EmbeddedPostgres(folder / "postgres", free_port())
    broker = EmbeddedBroker(free_port(), folder / "broker.log")
    await postgres.start()
    await broker.start()
    yield postgres, broker
    await broker.kill()
    await postgres.wipe()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def identity(servers: tuple[EmbeddedPostgres, EmbeddedBroker]) -> AsyncIterator[IdentityHouse]:
    """A running identity."""
    postgres, broker = servers
    async with identity_house(postgres.admin_dsn, broker.address) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(
    servers: tuple[EmbeddedPostgres, EmbeddedBroker],
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
