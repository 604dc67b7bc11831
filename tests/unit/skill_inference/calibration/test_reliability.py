"""The diagram of a release shows by how much its chances are off."""

from __future__ import annotations

import numpy as np
import pytest

from services.skill_inference.calibration.reliability import calibration_error, reliability, reliability_diagram


def test_chances_that_come_true_are_hardly_off_and_others_are() -> None:
    drawn = np.random.default_rng(9)
    chance = drawn.random(20_000)
    result = (drawn.random(20_000) < chance).astype(float)
    assert calibration_error(reliability(result, chance)) < 0.02
    assert calibration_error(reliability(result, chance**2)) > 0.1


def test_every_outcome_is_in_one_part() -> None:
    chance = np.array([0.0, 0.5, 1.0])
    bins = reliability(np.array([0.0, 1.0, 1.0]), chance)
    assert sum(one.outcomes for one in bins) == 3
    assert sum(one.outcomes * one.expected for one in bins) == pytest.approx(chance.sum())


def test_the_same_outcomes_give_the_same_image() -> None:
    bins = reliability(np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.5, 0.9]))
    image = reliability_diagram([("state", bins)])
    assert image.startswith(b"\x89PNG")
    assert image == reliability_diagram([("state", bins)])
