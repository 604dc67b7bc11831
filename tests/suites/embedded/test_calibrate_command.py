"""`deedlog calibrate` finds the evidence of the house that runs, and says in a sentence when there is too little."""

from __future__ import annotations

import pytest

from tests.suites.embedded.place import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_young_house_is_told_how_much_evidence_is_needed(standing_house: Place) -> None:
    done = standing_house.run("calibrate", "--out", str(standing_house.home.path / "fitted"), "--json")
    assert done.returncode != 0
    assert "0 reviews, 50 are needed" in done.stdout + done.stderr
    assert list((standing_house.home.path / "fitted").iterdir()) == []
