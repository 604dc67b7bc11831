"""What is believed of a person: a general level, a deviation per skill, and the steps by which it came to that.

    level of a skill = general + deviation of the skill; both Gaussian, kept as mean and variance

Belief ages by elapsed time only, never by the number of events (noise per event would let repeats pump a level up).
A deviation returns to its prior with the skill's half-life; the general level keeps its mean and grows less certain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.skill_inference.domain.evidence import SkillEvidence
from services.skill_inference.domain.observation import Place
from services.skill_inference.domain.release import GeneralPrior, Release, SkillPrior

MICROSECONDS_A_DAY: Final = 86_400_000_000.0
_LN_2: Final = math.log(2.0)


class Belief(NamedTuple):
    """A Gaussian in logits as of `at`, in microseconds since 1970 UTC."""

    mean: float
    variance: float
    at: int


class Step(NamedTuple):
    """By how much one observation moved the means, in logits, as of `at`. `skills` are (skill, step) by skill."""

    place: Place
    at: int
    general: float
    skills: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class PersonState:
    """All that is inferred of one person under one release: a function of the set of their observations.

    general: None before the first observation that counts. skills: the deviations that were touched, by skill.
    evidence: what was seen, by skill, with observations that carry no weight. steps: in the order they were taken.
    """

    release: str
    general: Belief | None
    skills: Mapping[str, Belief]
    evidence: Mapping[str, SkillEvidence]
    steps: tuple[Step, ...]


def fading(from_at: int, to_at: int, half_life_days: float) -> float:
    """Return the factor in (0, 1] by which a deviation fades from one time to another; 1 when `to_at` is not later."""
    if to_at <= from_at:
        return 1.0
    return math.exp(-_LN_2 * ((to_at - from_at) / MICROSECONDS_A_DAY) / half_life_days)


def aged_skill(belief: Belief | None, prior: SkillPrior, at: int) -> Belief:
    """Return the deviation as of `at`: drawn back to the prior by its half-life. None is a stranger's."""
    if belief is None:
        return Belief(prior.mean, prior.variance, at)
    if at <= belief.at:
        return belief
    factor = fading(belief.at, at, prior.half_life_days)
    mean = prior.mean + (belief.mean - prior.mean) * factor
    return Belief(mean, prior.variance + (belief.variance - prior.variance) * factor * factor, at)


def aged_general(belief: Belief | None, prior: GeneralPrior, at: int) -> Belief:
    """Return the general level as of `at`: less certain for each day, never less than for a stranger."""
    if belief is None:
        return Belief(prior.mean, prior.variance, at)
    if at <= belief.at:
        return belief
    drifted = belief.variance + prior.drift_per_day * ((at - belief.at) / MICROSECONDS_A_DAY)
    return Belief(belief.mean, drifted if drifted < prior.variance else max(prior.variance, belief.variance), at)


def level_at(state: PersonState, skill: str, release: Release, at: int) -> tuple[float, float]:
    """Return mean and variance of the level in `skill` as of `at`, in logits; the prior's for one never seen.

    A time before the newest observation reads the state as it is.
    """
    general = aged_general(state.general, release.general, at)
    deviation = aged_skill(state.skills.get(skill), release.skill(skill), at)
    return general.mean + deviation.mean, general.variance + deviation.variance
