"""Goals of the response model: learned from the persons given for learning, judged on the others, with what serves.

Minutes to half an hour in all: `make bench-inference`.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import numpy as np
import pytest

from services.skill_inference.calibration.machine_code import Reals, Wholes
from services.skill_inference.domain.response_fold import Curve
from tests.conformance.inference.best_lr import best_lr
from tests.conformance.inference.response_sets import ResponseSet, fits, load
from tests.conformance.inference.scores import Scores, auc_above, early_ece, scores

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(3600)]

SETS: Final = ("assist09", "statics", "algebra05_fifth", "lkt_cloze")
REPEATS: Final = 200
MISSED: Final = {("assist09", "served"), ("lkt_cloze", "state")}
"""Whose first five outcomes are known to miss the goal; once they meet it, the bench says so by failing."""


class Judged(NamedTuple):
    """One set's predictions on persons not learned from. state, served: the mean of the scores over the splits."""

    data: ResponseSet
    asked: Wholes
    state_chance: Reals
    served_chance: Reals
    state: Scores
    served: Scores
    curves: list[Curve]


@cache
def judged(name: str) -> Judged:
    data = load(name)
    state, served = np.full(len(data.result), np.nan), np.full(len(data.result), np.nan)
    tables: list[tuple[Scores, Scores]] = []
    curves, levels = [], []
    for fit, (_, others) in zip(fits(data), data.splits, strict=True):
        levels.append(fit.level)
        asked = data.outcomes.outcomes_of(others)
        state[asked], served[asked] = fit.believed.chance[asked], fit.served(asked)
        curves.append(fit.found.curve)
        tables.append((scores(data.result[asked], state[asked]), scores(data.result[asked], served[asked])))
    alone, whole = (Scores(*np.mean([table[side] for table in tables], axis=0)) for side in (0, 1))
    print(f"\n{name}: state {_said(alone)}; served {_said(whole)}; penalties x {levels}")
    return Judged(data, np.flatnonzero(~np.isnan(served)), state, served, alone, whole, curves)


def test_inference_goals_assist09_state_alone() -> None:
    found = judged("assist09").state
    assert found.auc >= 0.770
    assert found.loss <= 0.531
    assert found.ece <= 0.010


def test_inference_goals_assist09_served_prediction() -> None:
    found = judged("assist09").served
    print(f"stretch .790: {found.auc:.4f}")
    assert found.auc >= 0.784
    assert found.loss <= 0.518


@pytest.mark.parametrize(
    ("name", "auc", "loss"),
    [("statics", 0.832, 0.401), ("algebra05_fifth", 0.831, 0.409), ("lkt_cloze", 0.857, 0.467)],
)
def test_inference_goals_served_prediction_of_the_other_sets(name: str, auc: float, loss: float) -> None:
    found = judged(name).served
    assert found.auc >= auc
    assert found.loss <= loss


@pytest.mark.parametrize("name", SETS)
def test_inference_goals_served_prediction_is_above_best_lr(name: str) -> None:
    found = judged(name)
    result, asked = found.data.result[found.asked], found.asked
    person, baseline = found.data.outcomes.person_of()[asked], best_lr(found.data)[asked]
    low, high = auc_above(result, found.served_chance[asked], baseline, person)
    state_low, state_high = auc_above(result, found.state_chance[asked], baseline, person)
    print(f"\n{name}: Best-LR {_said(scores(result, baseline))}; AUC above it, 95 % of persons drawn:")
    print(f"  served {low:+.4f} … {high:+.4f}, state {state_low:+.4f} … {state_high:+.4f}")
    assert low > 0.0


@pytest.mark.parametrize("kind", ["state", "served"])
@pytest.mark.parametrize("name", SETS)
def test_inference_goals_first_five_outcomes_are_calibrated(
    name: str, kind: str, request: pytest.FixtureRequest
) -> None:
    found = judged(name)
    chance = found.state_chance if kind == "state" else found.served_chance
    error, line = early_ece(found.data.result, chance, found.data.outcomes.starts, found.asked)
    print(f"\n{name}: ECE of the first five, {kind}: {error:.4f}; 95 % of what it draws itself: {line:.4f}")
    if (name, kind) in MISSED:
        request.applymarker(pytest.mark.xfail(strict=True, reason="missed: docs/explanation/inference.md says by what"))
    assert error <= line


def _said(found: Scores) -> str:
    return f"AUC {found.auc:.4f} log loss {found.loss:.4f} ECE {found.ece:.4f}"
