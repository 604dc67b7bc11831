"""One server, one broker, one skill_profiles and one console a session."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.suites.console.house import ConsoleHouse, console_house
from tests.suites.servers import running_servers
from tests.suites.skill_profiles.house import ProfilesHouse, profiles_house


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def profiles(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ProfilesHouse]:
    """A running skill_profiles."""
    async with (
        running_servers(tmp_path_factory.mktemp("console")) as servers,
        profiles_house(servers.postgres.admin_dsn, servers.broker.address, 700) as running,
    ):
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(profiles: ProfilesHouse) -> AsyncIterator[ConsoleHouse]:
    """A running console."""
    async with console_house(profiles) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def person(house: ConsoleHouse) -> str:
    """A person with something in every part of the page."""
    return await house.told_person("Mira Sample")


@pytest.fixture(autouse=True)
def identity_is_there(house: ConsoleHouse) -> None:
    """Whatever the test before did to identity, it answers."""
    house.profiles.identity.is_away = False
