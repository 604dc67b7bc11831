"""What is said of one skill of one person at one time: level, uncertainty, and what stands behind it.

The *level* is the highest k whose cut point the mean reaches, that is P(level >= k) >= 1/2, and 0 below the first.
It is the best single guess and never a claim; claims ask for more (`claims.py`).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.skill_inference.domain.observation import Assurance, instant_of, microseconds
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.response_fold import DAY
from services.skill_inference.domain.state import PersonState, level_at

INTERVAL: Final = 0.90
"""Share of the probability inside the interval that is stated."""
INTERVAL_DEVIATIONS: Final = 1.6448536269514722
"""Half the width of that interval in standard deviations: the 95th percentile of a normal."""
OUTLOOK_MONTHS: Final = (6, 12)
MONTH_DAYS: Final = 30.4375


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would be said `months` later without further evidence."""

    months: int
    mean: float
    level: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """The posterior of one skill as of `as_of`, in logits, under the named release.

    interval: the central 90 %. reached[k - 1]: P(level >= k). information: precision gained over a stranger's level, in
    1/logits². works, raters, observations: distinct, carrying weight, for this skill. mix: observations a kind, with
    self-claims, which carry none. newest_evidence_at: None when nothing carries weight.
    """

    skill: str
    as_of: datetime
    release: str
    mean: float
    variance: float
    interval: tuple[float, float]
    level: int
    reached: tuple[float, ...]
    information: float
    observations: int
    works: int
    raters: int
    has_deployment_attestation: bool
    newest_evidence_at: datetime | None
    half_life_days: float
    assurance_mix: Mapping[Assurance, int]


def estimates(state: PersonState, release: Release, as_of: datetime) -> tuple[Estimate, ...]:
    """Return an estimate for each skill that something was seen of, by skill id."""
    return tuple(estimate(state, skill, release, as_of) for skill in state.evidence)


def estimate(state: PersonState, skill: str, release: Release, as_of: datetime) -> Estimate:
    """Return what is said of `skill` as of `as_of`; a time before the newest evidence reads the state as it is.

    `state` must be of `release`. Raises KeyError for a skill of which nothing was seen.
    """
    evidence = state.evidence[skill]
    at = microseconds(as_of)
    mean, variance = level_at(state, skill, release, at)
    half_width = INTERVAL_DEVIATIONS * math.sqrt(variance)
    reached = level_probabilities(mean, variance, release.cut_points)
    return Estimate(
        skill=skill,
        as_of=as_of,
        release=state.release,
        mean=mean,
        variance=variance,
        interval=(mean - half_width, mean + half_width),
        level=level_of(mean, release.cut_points),
        reached=reached,
        information=max(0.0, 1.0 / variance - 1.0 / release.prior_variance(skill)),
        observations=evidence.observations,
        works=len(evidence.works),
        raters=len(evidence.raters),
        has_deployment_attestation=bool(evidence.attested),
        newest_evidence_at=None if evidence.newest_at is None else instant_of(evidence.newest_at),
        half_life_days=release.skill(skill).half_life_days,
        assurance_mix=evidence.mix,
    )


def outlook(state: PersonState, skill: str, release: Release, as_of: datetime) -> tuple[Outlook, ...]:
    """Return what would be said OUTLOOK_MONTHS after `as_of` without further evidence."""
    at = microseconds(as_of)
    return tuple(_outlook(state, skill, release, at, months) for months in OUTLOOK_MONTHS)


def level_of(mean: float, cut_points: tuple[float, ...]) -> int:
    """Return the highest level whose cut point `mean` reaches, 0 when it reaches none. Cut points rise."""
    return bisect_right(cut_points, mean)


def level_probabilities(mean: float, variance: float, cut_points: tuple[float, ...]) -> tuple[float, ...]:
    """Return P(level >= k) for each cut point, under N(mean, variance)."""
    width = math.sqrt(2.0 * variance)
    return tuple([0.5 * math.erfc((cut - mean) / width) for cut in cut_points])


def _outlook(state: PersonState, skill: str, release: Release, at: int, months: int) -> Outlook:
    later = at + round(months * MONTH_DAYS * DAY)
    mean, _ = level_at(state, skill, release, later)
    return Outlook(months, mean, level_of(mean, release.cut_points))
