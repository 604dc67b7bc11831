"""One server and one broker a session; a house of its own, on an empty database, for each test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.kernel.ids import system_id
from tests.suites.servers import Servers, running_servers
from tests.suites.skill_profiles.house import ProfilesHouse, profiles_house

_NUMBERS = itertools.count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """A database server and a broker."""
    async with running_servers(tmp_path_factory.mktemp("skill_profiles")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(servers: Servers) -> AsyncIterator[ProfilesHouse]:
    """A running skill_profiles that tests share; each brings its own people and organisations."""
    postgres, broker = servers
    async with profiles_house(postgres.admin_dsn, broker.address, next(_NUMBERS)) as running:
        yield running


@pytest.fixture(autouse=True)
def identity_is_there(house: ProfilesHouse) -> None:
    """Whatever the test before did to identity, it answers and is heard."""
    house.identity.is_away = house.book.is_away = False
    house.identity.hear = house.hear
    house.identity.between = None


@pytest.fixture
def org() -> str:
    """An organisation nobody else has."""
    return system_id("organisation")


@pytest_asyncio.fixture(loop_scope="session")
async def new_house(servers: Servers) -> AsyncIterator[ProfilesHouse]:
    """A running skill_profiles of one's own, about which nobody has told anything yet."""
    postgres, broker = servers
    async with profiles_house(postgres.admin_dsn, broker.address, next(_NUMBERS)) as running:
        yield running
