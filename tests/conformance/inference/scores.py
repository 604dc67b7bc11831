"""Scores of predictions, in the forms in which the baselines were published."""

from __future__ import annotations

from typing import Final

import numpy as np

from services.skill_inference.calibration.machine_code import Reals, Wholes
from services.skill_inference.calibration.scores import Scores, auc, scores

__all__ = ["Scores", "auc", "auc_above", "early_ece", "ece", "scores"]

BINS: Final = 15
FIRST: Final = 5
DRAWS: Final = 400


def ece(result: Reals, chance: Reals) -> float:
    place = np.minimum((chance * BINS).astype(int), BINS - 1)
    seen = np.bincount(place, weights=result, minlength=BINS)
    expected = np.bincount(place, weights=chance, minlength=BINS)
    return float(np.abs(seen - expected).sum() / len(result))


def auc_above(result: Reals, chance: Reals, other: Reals, person: Wholes, draws: int = 200) -> tuple[float, float]:
    """Return the 95 % interval of the AUC of `chance` above that of `other`, persons drawn with replacement."""
    _, place = np.unique(person, return_inverse=True)
    rows = [np.flatnonzero(place == one) for one in range(int(place.max()) + 1)]
    chosen = np.random.default_rng(11)
    gains = []
    for _ in range(draws):
        drawn = np.concatenate([rows[one] for one in chosen.integers(0, len(rows), len(rows))])
        gains.append(auc(result[drawn], chance[drawn]) - auc(result[drawn], other[drawn]))
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)


def early_ece(result: Reals, chance: Reals, starts: Wholes, asked: Wholes) -> tuple[float, float]:
    """Return the ECE of the first five outcomes, and the 95 % point of what outcomes drawn from `chance` give."""
    place = np.arange(int(starts[-1])) - np.repeat(starts[:-1], np.diff(starts))
    early = asked[place[asked] < FIRST]
    chances = chance[early]
    drawn = np.random.default_rng(5)
    lines = [ece((drawn.random(len(chances)) < chances).astype(float), chances) for _ in range(DRAWS)]
    return ece(result[early], chances), float(np.quantile(lines, 0.95))
