"""One running learning_events for all cases, spoken to as an xAPI client of each version would."""

from __future__ import annotations

import pytest

from tests.conformance.xapi.lrs import ONE, TWO, Lrs, Version
from tests.suites.learning_events.conftest import house as house
from tests.suites.learning_events.conftest import servers as servers
from tests.suites.learning_events.house import House

SCOPES = ("all",)


@pytest.fixture(params=[ONE, TWO], ids=str)
def lrs(request: pytest.FixtureRequest, house: House) -> Lrs:
    """The record store, spoken to in each version on its own mount by a tenant of its own."""
    version: Version = request.param
    return Lrs(house.platform(SCOPES), version)


@pytest.fixture
def lrs_1(house: House) -> Lrs:
    """The record store, spoken to in 1.0.3."""
    return Lrs(house.platform(SCOPES), ONE)


@pytest.fixture
def lrs_2(house: House) -> Lrs:
    """The record store, spoken to in 2.0.0."""
    return Lrs(house.platform(SCOPES), TWO)
