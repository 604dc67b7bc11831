"""The demonstration as a newcomer meets it: with no house running, then in one that runs, twice."""

from __future__ import annotations

import time
from typing import Final

import pytest

from infra.embedded.state import running_state
from tests.journeys.house import JourneyHouse, empty_house, running_house

IDLE_SECONDS: Final = 5.0
MEMORY_MB_MAX: Final = 700

pytestmark = pytest.mark.timeout(300)


def test_a_demonstration_without_a_house_starts_one_ends_with_a_valid_credential_and_leaves_none_running() -> None:
    with empty_house() as house:
        assert "VALID" in house.command("demo").stdout
        assert_was_verified(house)
        assert running_state(house.home) is None


def test_after_the_demonstration_the_idle_house_fits_its_memory_and_it_can_be_played_again() -> None:
    with running_house() as house:
        house.command("demo")
        assert_was_verified(house)
        time.sleep(IDLE_SECONDS)
        memory = house.answer("status")["memory_bytes"] / 2**20
        print(f"idle after the demonstration: {memory:.0f} MB (Pss)")
        assert memory < MEMORY_MB_MAX
        house.command("demo")
        assert_was_verified(house)


def assert_was_verified(house: JourneyHouse) -> None:
    """The credential lies under the data folder, and the verifier calls it valid by the keys that were pinned."""
    file = house.home.path / "demo" / "credential.json"
    assert "VALID" in house.command("verify", str(file)).stdout
