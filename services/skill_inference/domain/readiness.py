"""How much of a role a person is ready for: a share of its weight, and how sure that is.

Each skill of a role counts with its weight once its target level is reached. Whether it is reached is not known, only
how likely; so the share is a random number. Its mean is the weighted mean of the chances. Its spread is not the sum of
independent ones: all levels of a person share the general level, so skills are reached together or missed together.
Given the general level they are independent, and the distribution of the share is a convolution of small numbers.
Nothing here decides about anybody: there is no share at which somebody would be fit for a role.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Final, NamedTuple

from services.skill_inference.domain.estimate import INTERVAL

NODES: Final = 41
"""General levels that are tried, each as likely as the others. Twice as many move no end of an interval by a weight."""


class Demanded(NamedTuple):
    """One demanded skill: its weight, the distance to its target in logits, and the variance of its deviation."""

    weight: int
    distance: float
    deviation_variance: float


@dataclass(frozen=True, slots=True)
class Readiness:
    """The share of a role's weight, from 0 to 1, whose targets are reached: expected, and the central 90 %."""

    mean: float
    interval: tuple[float, float]


def readiness(demanded: Sequence[Demanded], general_variance: float) -> Readiness:
    """Return the share of the weight that is reached. distance: target minus mean level, positive while below it.

    `demanded` has at least one skill. Linear in skills times their weight.
    """
    total = sum(one.weight for one in demanded)
    mean = math.fsum(one.weight * chance(one.distance, general_variance + one.deviation_variance) for one in demanded)
    spread = math.sqrt(general_variance)
    shares = [0.0] * (total + 1)
    for node in _nodes():
        for reached, probability in enumerate(_given(demanded, spread * node)):
            shares[reached] += probability / NODES
    tail = (1.0 - INTERVAL) / 2.0
    return Readiness(mean / total, (_quantile(shares, tail) / total, _quantile(shares, 1.0 - tail) / total))


def chance(distance: float, variance: float) -> float:
    """Return the probability that a level of this variance lies at least `distance` above its mean."""
    if variance <= 0.0:
        return float(distance <= 0.0)
    return 0.5 * math.erfc(distance / math.sqrt(2.0 * variance))


@cache
def _nodes() -> tuple[float, ...]:
    """Return the middles of NODES equally likely slices of a standard normal."""
    normal = NormalDist()
    return tuple(normal.inv_cdf((node + 0.5) / NODES) for node in range(NODES))


def _given(demanded: Sequence[Demanded], general: float) -> list[float]:
    """Return the probability of each reached weight, 0 to all, when the general level is `general` above its mean."""
    found = [1.0]
    for weight, distance, variance in demanded:
        reached = chance(distance - general, variance)
        longer = [0.0] * (len(found) + weight)
        for before, probability in enumerate(found):
            longer[before] += probability * (1.0 - reached)
            longer[before + weight] += probability * reached
        found = longer
    return found


def _quantile(shares: Sequence[float], probability: float) -> int:
    """Return the least weight that is not exceeded with `probability`."""
    below = 0.0
    for reached, share in enumerate(shares):
        below += share
        if below >= probability:
            return reached
    return len(shares) - 1
