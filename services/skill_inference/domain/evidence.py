"""What stands behind a skill, counted: works, reviewers, attestations, how it was assured, and how new it is.

Counts, not beliefs: a rule such as "three works and two reviewers" must not depend on a model. What carries no weight
(a self-claim) is shown in the mix and counts for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.skill_inference.domain.observation import Assurance, MarkSet, Observation

SUCCESS_MIN: Final = 0.5
"""A result from here up is a success, where only success or failure is asked."""


@dataclass(frozen=True, slots=True)
class SkillEvidence:
    """The evidence for one skill. `newest_at` is in microseconds since 1970 UTC, None when nothing carries weight.

    tasks: outside any work. attested: works whose deployment was attested as a success. mix: observations a kind.
    """

    observations: int
    works: frozenset[str]
    raters: frozenset[str]
    tasks: frozenset[str]
    attested: frozenset[str]
    newest_at: int | None
    mix: Mapping[Assurance, int]


@dataclass(slots=True)
class _Tally:
    observations: int = 0
    works: set[str] = field(default_factory=set)
    raters: set[str] = field(default_factory=set)
    tasks: set[str] = field(default_factory=set)
    attested: set[str] = field(default_factory=set)
    newest_at: int | None = None
    mix: dict[Assurance, int] = field(default_factory=dict)
    settled: SkillEvidence | None = None
    """What was last said of it; None once more was counted."""


class Tallies:
    """Counts the evidence of one person, skill by skill. `weights` are a release's."""

    def __init__(self, weights: Mapping[Assurance, float]) -> None:
        self._weights = weights
        self._tallies: dict[str, _Tally] = {}

    def count(self, observations: Iterable[Observation]) -> None:
        """Have counted these observations, which are distinct and were not counted before."""
        for observation in observations:
            has_weight = self._weights[observation.assurance] > 0.0
            for skill in _skills(observation):
                tally = self._tallies.get(skill)
                if tally is None:
                    tally = self._tallies[skill] = _Tally()
                tally.settled = None
                tally.mix[observation.assurance] = tally.mix.get(observation.assurance, 0) + 1
                if has_weight:
                    _count(tally, observation)

    def evidence(self) -> dict[str, SkillEvidence]:
        """Return the evidence a skill, by skill."""
        return {skill: _settled(self._tallies[skill]) for skill in sorted(self._tallies)}


def _skills(observation: Observation) -> Iterable[str]:
    if isinstance(observation, MarkSet):
        return {mark.skill for mark in observation.marks}
    return [skill for skill, _ in observation.skills]


def _count(tally: _Tally, observation: Observation) -> None:
    tally.observations += 1
    at = observation.place.at
    tally.newest_at = at if tally.newest_at is None else max(tally.newest_at, at)
    if isinstance(observation, MarkSet):
        tally.raters.add(observation.reviewer)
        tally.works.add(observation.work)
    elif observation.work is None:
        tally.tasks.add(observation.task)
    else:
        tally.works.add(observation.work)
        if observation.assurance is Assurance.DEPLOYMENT and observation.result >= SUCCESS_MIN:
            tally.attested.add(observation.work)


def _settled(tally: _Tally) -> SkillEvidence:
    if tally.settled is None:
        tally.settled = SkillEvidence(
            observations=tally.observations,
            works=frozenset(tally.works),
            raters=frozenset(tally.raters),
            tasks=frozenset(tally.tasks),
            attested=frozenset(tally.attested),
            newest_at=tally.newest_at,
            mix={kind: tally.mix[kind] for kind in Assurance if kind in tally.mix},
        )
    return tally.settled
