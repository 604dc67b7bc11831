"""The client against a running learning_events, over a gate that can be shut: the way to the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.suites.client.gate import Gate
from tests.suites.learning_events.conftest import house as house
from tests.suites.learning_events.conftest import platform as platform
from tests.suites.learning_events.conftest import servers as servers
from tests.suites.learning_events.house import House


@pytest_asyncio.fixture(loop_scope="session")
async def gate(house: House) -> AsyncIterator[Gate]:
    """An address that leads to the house while the gate is open; it is."""
    gate = Gate(house.http.base_url.port or 0)
    await gate.open()
    yield gate
    await gate.shut()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where a spool may be."""
    return tmp_path / "events.spool"
