"""What is believed of a person: a general level, a deviation per skill, and the steps by which it came to that.

    level of a skill = general + deviation of the skill; both Gaussian, kept as mean and variance

A deviation returns to its prior with the skill's half-life; the general level keeps its mean and grows less certain.
Both age by `response_fold`, which is where they are learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.skill_inference.domain.evidence import SkillEvidence
from services.skill_inference.domain.observation import Place
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.response_fold import PersonBelief, aged_person, fading, newcomer, returned


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

    person: general level and form, None before the first observation that counts. skills: the deviations that were
    touched, by skill. evidence: what was seen, by skill, with observations that carry no weight. steps: in the order
    they were taken.
    """

    release: str
    person: PersonBelief | None
    skills: Mapping[str, Belief]
    evidence: Mapping[str, SkillEvidence]
    steps: tuple[Step, ...]

    @property
    def general(self) -> Belief | None:
        """The general level, None before the first observation that counts."""
        person = self.person
        return None if person is None else Belief(person.general, person.general_variance, person.at)


def faded(from_at: int, to_at: int, skill: str, release: Release) -> float:
    """Return the factor in (0, 1] by which a deviation fades from one time to another; 1 when `to_at` is not later."""
    if to_at <= from_at:
        return 1.0
    return fading(to_at - from_at, release.curve.deviation_rate * release.pace(skill))


def aged_skill(belief: Belief | None, skill: str, release: Release, at: int) -> Belief:
    """Return the deviation as of `at`: drawn back to the prior by its half-life. None is a stranger's."""
    if belief is None:
        return Belief(0.0, release.curve.deviation_variance, at)
    rate = release.curve.deviation_rate * release.pace(skill)
    if at <= belief.at or rate == 0.0:
        return belief
    mean, variance = returned(belief.mean, belief.variance, release.curve.deviation_variance, rate, at - belief.at)
    return Belief(mean, variance, at)


def level_at(state: PersonState, skill: str, release: Release, at: int) -> tuple[float, float]:
    """Return mean and variance of the level in `skill` as of `at`, in logits; the prior's for one never seen.

    A time before the newest observation reads the state as it is.
    """
    general = general_at(state, release, at)
    deviation = aged_skill(state.skills.get(skill), skill, release, at)
    return general.mean + deviation.mean, general.variance + deviation.variance


def general_at(state: PersonState, release: Release, at: int) -> Belief:
    """Return the general level as of `at`, a stranger's for one never seen."""
    person = newcomer(at, release.curve) if state.person is None else aged_person(state.person, at, release.curve)
    return Belief(person.general, person.general_variance, at)
