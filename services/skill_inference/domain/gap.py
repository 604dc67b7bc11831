"""What lies between a person and a role: skill by skill, and as the share of the role they are ready for.

Per skill: how far the level lies below the target, how sure that is, and what evidence is missing before the target may
be claimed. Beside it two readings that the person is owed. One is what a prerequisite may be guessed from what builds
on it. The other is what their operational work already covers: who has kept systems running has done much of what a
role asks for, under other names, and a gap counted in certificates looks wider than it is.

A gap compares evidence with a description of work. It ranks nobody and says of nobody that they are to be hired.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.skill_inference.domain.claims import ClaimRule, Shortfall, claimable_level, shortfalls
from services.skill_inference.domain.estimate import INTERVAL_DEVIATIONS, Estimate, estimate
from services.skill_inference.domain.evidence import SkillEvidence
from services.skill_inference.domain.framework import Framework
from services.skill_inference.domain.observation import microseconds
from services.skill_inference.domain.prerequisites import Deviation, inferred
from services.skill_inference.domain.readiness import Demanded, Readiness, chance, readiness
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.roles import Demand, Role
from services.skill_inference.domain.state import PersonState, general_at, level_at

OPERATIONAL_LAYERS: Final = frozenset({"operationalization", "scaled-deployment"})
"""A work that was seen to show a skill of these is operational work; so is every work whose deployment was attested."""
UNSEEN: Final = SkillEvidence(0, frozenset(), frozenset(), frozenset(), frozenset(), None, {})
"""The evidence of a skill of which nothing was seen."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A level as prerequisites let one guess it: inferred, not seen. chance: P(level >= target). by: dependents."""

    mean: float
    variance: float
    chance: float
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SkillGap:
    """One demanded skill. said: what is said of it; of a skill never seen, what is said of one by the general level.

    distance: the target's cut point minus the mean, in logits, positive while below; interval: its central 90 %.
    chance: P(level >= target). missing: what keeps the target from being claimed. operational_works: works behind
    this skill that are operational. guess: None where prerequisites say no more than the evidence does.
    """

    demand: Demand
    said: Estimate
    distance: float
    interval: tuple[float, float]
    chance: float
    missing: tuple[Shortfall, ...]
    operational_works: frozenset[str]
    guess: Guess | None

    @property
    def is_reached(self) -> bool:
        """Whether the target is more likely reached than not, by evidence of this skill and not of others alone."""
        return self.distance <= 0.0 and self.said.observations > 0

    @property
    def is_covered(self) -> bool:
        """Whether the target is reached by evidence that rests on operational work."""
        return self.is_reached and bool(self.operational_works)


@dataclass(frozen=True, slots=True)
class Experience:
    """How far operational work covers the role, each figure a share of the role's weight.

    covered: of `skills`, reached by evidence that rests on the `works` operational works. looks_open: not claimable
    at the target, as somebody sees it who counts credentials. is_open: not shown to be reached.
    """

    covered: float
    skills: tuple[str, ...]
    works: int
    looks_open: float
    is_open: float

    @property
    def is_narrower_than_it_looks(self) -> bool:
        """Whether operational work covers something that cannot be claimed yet."""
        return self.covered > 0.0 and self.is_open < self.looks_open


@dataclass(frozen=True, slots=True)
class Gap:
    """What lies between a person and `role` as of `as_of`, in the framework's order of skills.

    unseen: the share of the role's weight of which nothing was seen, and which readiness counts by the general level.
    """

    role: str
    as_of: datetime
    release: str
    claim_rule: str
    skills: tuple[SkillGap, ...]
    readiness: Readiness
    unseen: float
    experience: Experience


def gap(
    state: PersonState, role: Role, framework: Framework, release: Release, rule: ClaimRule, as_of: datetime
) -> Gap:
    """Return what lies between the person and the role. `state` must be of `release`; read at `as_of`, not stored."""
    scene = _Scene(state, framework, release, rule, as_of)
    skills = tuple(scene.skill_gap(demand) for demand in role.demands)
    return Gap(
        role=role.id,
        as_of=as_of,
        release=state.release,
        claim_rule=rule.id,
        skills=skills,
        readiness=scene.readiness(skills),
        unseen=_share(skills, [one.said.observations == 0 for one in skills]),
        experience=_experience(skills, rule),
    )


def skill_gaps(
    state: PersonState, role: Role, framework: Framework, release: Release, rule: ClaimRule, as_of: datetime
) -> tuple[SkillGap, ...]:
    """Return the skills of `gap` alone."""
    scene = _Scene(state, framework, release, rule, as_of)
    return tuple(scene.skill_gap(demand) for demand in role.demands)


def expected_share(skills: Sequence[SkillGap]) -> float:
    """Return the mean of the readiness that these skills make."""
    weight = sum(one.demand.weight for one in skills)
    return math.fsum(one.demand.weight * one.chance for one in skills) / weight


class _Scene:
    """One person at one time, as every skill of a role is held against them."""

    def __init__(
        self, state: PersonState, framework: Framework, release: Release, rule: ClaimRule, as_of: datetime
    ) -> None:
        self._state = state = _with_unseen(state, framework)
        self._release = release
        self._rule = rule
        self._as_of = as_of
        at = microseconds(as_of)
        self._general = general_at(state, release, at)
        self._operational = _operational_works(state, framework)
        self._guesses = inferred({skill: self._deviation(skill, at) for skill in framework.skills}, framework.skills)

    def skill_gap(self, demand: Demand) -> SkillGap:
        """Return what lies between the person and one demanded skill."""
        said = estimate(self._state, demand.skill, self._release, self._as_of)
        distance = self._release.cut_points[demand.target - 1] - said.mean
        half_width = INTERVAL_DEVIATIONS * math.sqrt(said.variance)
        return SkillGap(
            demand=demand,
            said=said,
            distance=distance,
            interval=(distance - half_width, distance + half_width),
            chance=said.reached[demand.target - 1],
            missing=shortfalls(said, demand.target, self._rule),
            operational_works=self._state.evidence[demand.skill].works & self._operational,
            guess=self._guess(demand, said),
        )

    def readiness(self, skills: Sequence[SkillGap]) -> Readiness:
        """Return the share of the role's weight that is reached."""
        spread = self._general.variance
        # A level is never surer than the general level is in it; rounding must not say otherwise.
        own = [max(0.0, one.said.variance - spread) for one in skills]
        return readiness(
            [Demanded(one.demand.weight, one.distance, rest) for one, rest in zip(skills, own, strict=True)], spread
        )

    def _deviation(self, skill: str, at: int) -> Deviation:
        mean, variance = level_at(self._state, skill, self._release, at)
        is_seen = self._state.evidence[skill].observations > 0
        return Deviation(mean - self._general.mean, max(0.0, variance - self._general.variance), is_seen)

    def _guess(self, demand: Demand, said: Estimate) -> Guess | None:
        found = self._guesses.get(demand.skill)
        if found is None:
            return None
        mean, variance = self._general.mean + found.mean, self._general.variance + found.variance
        likely = chance(self._release.cut_points[demand.target - 1] - mean, variance)
        # A narrower belief can make a far target less likely although it lies higher: then there is nothing to tell.
        return Guess(mean, variance, likely, found.by) if likely > said.reached[demand.target - 1] else None


def _with_unseen(state: PersonState, framework: Framework) -> PersonState:
    return replace(state, evidence={skill: state.evidence.get(skill, UNSEEN) for skill in framework.skills})


def _operational_works(state: PersonState, framework: Framework) -> frozenset[str]:
    shown = [
        seen.works if framework.skills[skill].layer in OPERATIONAL_LAYERS else seen.attested
        for skill, seen in state.evidence.items()
    ]
    return frozenset().union(*shown)


def _experience(skills: Sequence[SkillGap], rule: ClaimRule) -> Experience:
    covered = [one for one in skills if one.is_covered]
    return Experience(
        covered=_share(skills, [one.is_covered for one in skills]),
        skills=tuple(one.demand.skill for one in covered),
        works=len(frozenset().union(*(one.operational_works for one in covered))),
        looks_open=_share(skills, [claimable_level(one.said, rule) < one.demand.target for one in skills]),
        is_open=_share(skills, [not one.is_reached for one in skills]),
    )


def _share(skills: Sequence[SkillGap], chosen: Sequence[bool]) -> float:
    """Return the share of the role's weight that the chosen skills have."""
    weights = [one.demand.weight for one in skills]
    return sum(weight for weight, is_chosen in zip(weights, chosen, strict=True) if is_chosen) / sum(weights)
