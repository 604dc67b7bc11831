"""What a skill lets one guess of those it builds on: a reading, marked as inferred, never stored, never claimed from.

Who is good at a skill is seldom much worse at what it builds on. So from a dependent that was seen, the prerequisite is
read as at least that level less TOLERANCE: a Gaussian cut off on one side, and a Gaussian again by its two moments. The
general level is in both and cancels. Read from the top of the graph downwards, so that a guess carries on to what lies
deeper. It only ever raises: that somebody lacks a skill says nothing of those that do not need it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from services.skill_inference.domain.framework import Skill, prerequisite_order

TOLERANCE: Final = 1.5
"""Logits by which a prerequisite may lie below what builds on it. Set by hand, not fitted: no data of ours shows it."""
SHIFT_MIN: Final = 0.05
"""Logits; a smaller shift is no guess worth telling."""


class Deviation(NamedTuple):
    """What is believed of one skill beside the general level, in logits; is_seen: by evidence that carries weight."""

    mean: float
    variance: float
    is_seen: bool


class Inferred(NamedTuple):
    """A deviation as its dependents let one guess it. by: the dependents it was guessed from, nearest only."""

    mean: float
    variance: float
    by: tuple[str, ...]


def inferred(deviations: Mapping[str, Deviation], skills: Mapping[str, Skill]) -> dict[str, Inferred]:
    """Return the guesses by skill, of those that dependents raise by SHIFT_MIN or more.

    `deviations` holds every skill of the framework.
    """
    found: dict[str, Inferred] = {}
    for dependent in reversed(prerequisite_order(skills)):
        if not deviations[dependent].is_seen and dependent not in found:
            continue
        above = found.get(dependent, deviations[dependent])
        for skill in skills[dependent].prerequisites:
            below = found.get(skill) or Inferred(deviations[skill].mean, deviations[skill].variance, ())
            mean, variance = at_least(below.mean, below.variance, above.mean - TOLERANCE, above.variance)
            if mean - below.mean >= SHIFT_MIN:
                found[skill] = Inferred(mean, variance, (*below.by, dependent))
    return found


def at_least(mean: float, variance: float, floor_mean: float, floor_variance: float) -> tuple[float, float]:
    """Return mean and variance of x ~ N(mean, variance) given that it is no less than an independent Gaussian floor.

    The mean never falls and the variance never grows. Where the floor is out of reach the floor's own mean is taken:
    so far out the tail's ratio is its argument (Mills).
    """
    spread = math.sqrt(variance + floor_variance)
    margin = (mean - floor_mean) / spread
    below = 0.5 * math.erfc(-margin / math.sqrt(2.0))
    ratio = math.exp(-0.5 * margin * margin) / math.sqrt(2.0 * math.pi) / below if below > 1e-12 else -margin
    kept = variance / spread
    return mean + kept * ratio, variance - kept * kept * min(1.0, max(0.0, ratio * (ratio + margin)))
