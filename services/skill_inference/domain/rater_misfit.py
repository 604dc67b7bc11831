"""Whether a reviewer's marks spread as the model expects: too far, as of one who guesses, or too little.

A mark is held against what others' readings of the person, and the reviewer's marks of everybody else, led to expect;
never against itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from services.skill_inference.domain.response import predictive_scale, sigmoid

MISFIT_MAX: Final = 0.25
"""How far the mean square of a reviewer's residuals may lie from 1; a flag also asks for MISFIT_ERRORS."""
MISFIT_ERRORS: Final = 3.0
"""Standard errors by which it must lie away from 1."""
SITTINGS_MIN: Final = 5
"""Sittings from which on there is a standard error worth the name."""
SPREAD_MIN: Final = 1e-9

Told = tuple[float, float]
"""Precision of the others' readings of one work, and their mean."""


class Misfit(NamedTuple):
    """Mean square of standardised residuals, 1 where marks spread as expected. error: standard, over sittings."""

    mean_square: float
    error: float
    is_flagged: bool


def misfit(squares: Sequence[float]) -> Misfit | None:
    """Return what the mean squares of a reviewer's sittings say together; None of fewer than SITTINGS_MIN."""
    if len(squares) < SITTINGS_MIN:
        return None
    mean = math.fsum(squares) / len(squares)
    spread = math.fsum((square - mean) ** 2 for square in squares) / (len(squares) - 1)
    error = math.sqrt(spread / len(squares))
    return Misfit(mean, error, abs(mean - 1.0) > max(MISFIT_MAX, MISFIT_ERRORS * error))


def mean_square(marks: Sequence[tuple[tuple[float, ...], int]], mean: float, variance: float) -> float:
    """Return the mean square of the residuals of one sitting's marks, whose logits were expected N(mean, variance)."""
    return math.fsum(_square(thresholds, mark, mean, variance) for thresholds, mark in marks) / len(marks)


def expected_works(told: Mapping[str, Told], works: Sequence[str], person: float, work: float) -> list[Told]:
    """Return mean and variance of the person's level and luck on each of `works`, as others' readings tell them.

    told: by work. person, work: variances of levels and of luck.
    """
    known = {name: one for name, one in told.items() if one[0] > 0.0}
    parts = {name: (precision / (1.0 + work * precision), mean) for name, (precision, mean) in sorted(known.items())}
    level = 1.0 / person + math.fsum(precision for precision, _ in parts.values())
    linear = math.fsum(precision * mean for precision, mean in parts.values())
    return [_expected(known.get(name), parts.get(name), level, linear, work) for name in works]


def _expected(own: Told | None, part: Told | None, level: float, linear: float, work: float) -> Told:
    if own is None or part is None:
        return linear / level, 1.0 / level + work
    rest, rest_linear = level - part[0], linear - part[0] * part[1]
    prior = 1.0 / (1.0 / rest + work)
    precision = prior + own[0]
    return (prior * rest_linear / rest + own[0] * own[1]) / precision, 1.0 / precision


def _square(thresholds: tuple[float, ...], mark: int, mean: float, variance: float) -> float:
    scale = predictive_scale(variance)
    at_least = [sigmoid((mean - threshold) * scale) for threshold in thresholds]
    expected = math.fsum(at_least)
    spread = math.fsum((2 * k + 1) * chance for k, chance in enumerate(at_least)) - expected * expected
    return float((mark - expected) ** 2 / max(spread, SPREAD_MIN))
