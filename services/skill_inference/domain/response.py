"""The curves between a level in logits and what is seen of it: a success, or a mark of 0 to 5.

Logistic curves, read at the *predictive scale*, that is flattened by what is not known (the variance), with the usual
approximation of a logistic by a normal curve (MacKay 1992).
Only `math.exp` and `math.sqrt` on floats, in a fixed order: the same input gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

FLATTENING: Final = math.pi / 8
"""How fast uncertainty flattens a logistic curve: the curve at variance v is that at 0 seen at 1/sqrt(1 + v π/8)."""
STEEPNESS_MIN: Final = 1e-4
"""Keeps a step finite where the logit is far out."""


def sigmoid(x: float) -> float:
    """Return 1 / (1 + e^-x) for any finite x; never overflows."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    power = math.exp(x)
    return power / (1.0 + power)


def predictive_scale(variance: float) -> float:
    """Return the factor in (0, 1] by which a logit of this variance is drawn towards 0."""
    return 1.0 / math.sqrt(1.0 + FLATTENING * variance)


def outcome_surprise(mean: float, variance: float, result: float, weight: float) -> tuple[float, float]:
    """Return (surprise, information) of `result` in [0, 1] where the logit was N(mean, variance). `weight` in (0, 1].

    One step of an extended Kalman filter on a logistic outcome. The variance includes everything unknown about the
    task. The information times the variance stays below 1, so that a step never makes a variance negative.
    """
    expected = sigmoid(mean * predictive_scale(variance))
    chance = sigmoid(mean)
    steepness = max(chance * (1.0 - chance), STEEPNESS_MIN)
    damping = 1.0 + weight * steepness * variance
    return weight * (result - expected) / damping, weight * steepness / damping


def mark_gradient(mean: float, variance: float, thresholds: Sequence[float], mark: int) -> tuple[float, float]:
    """Return (score, information) of a mark: the slope of its log probability in the logit, and its expected square.

    P(mark >= k) = sigmoid((mean - thresholds[k-1]) at the predictive scale), marks run from 0 to len(thresholds).
    The information is the expectation over all marks, so it does not depend on the one given; times the variance it
    stays below 0.85, so that a step never makes a variance negative.
    """
    scale = predictive_scale(variance)
    at_least = [1.0, *(sigmoid((mean - threshold) * scale) for threshold in thresholds), 0.0]
    score = (1.0 - at_least[mark] - at_least[mark + 1]) * scale
    information = 0.0
    for k in range(len(thresholds) + 1):
        slope = 1.0 - at_least[k] - at_least[k + 1]
        information += (at_least[k] - at_least[k + 1]) * slope * slope
    return score, information * scale * scale


def even_odds(thresholds: Sequence[float], difficulty: float) -> float:
    """Return the level at which the mean over `thresholds` of P(mark >= its k) is one half, for an average reviewer.

    thresholds: the threshold of one and the same k for each criterion. Solved by bisection to the last bit that
    matters (1e-12); with a single criterion it is that threshold plus the difficulty.
    """
    low = min(thresholds) + difficulty - 1.0
    high = max(thresholds) + difficulty + 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        mean = sum(sigmoid(middle - difficulty - threshold) for threshold in thresholds) / len(thresholds)
        if mean < 0.5:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
