"""Learning from one work at once: every mark and every check of it, under a joint Gaussian of all they share.

    logit of a mark      = general + deviation of its skill + work + sitting of its reviewer - threshold
    logit of an outcome  = general + weighted deviations    + work                           - difficulty

*work* is what makes this work better or luckier than the person's usual; *sitting* is the reviewer's severity here,
their halo on this work included. With the full covariance ten marks of one work count as marks of one work, and a
second reviewer for more than a second mark of the first. At the end both are integrated out and the covariances
between skills dropped, which costs nothing measurable in simulation.

A reviewer who marked other works of the same person brings the same severity again. Kept independent, it would average
out over works as if they were many reviewers; so the n-th work under one reviewer carries 2n - 1 times the severity
variance, which to first order leaves n works as certain as one shared severity does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from services.skill_inference.domain.observation import Mark, MarkSet, Observation, Outcome
from services.skill_inference.domain.outcome_update import bounded, outcome_surprise
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.response import mark_gradient
from services.skill_inference.domain.state import Belief

Direction: TypeAlias = Sequence[tuple[int, float]]
"""A sparse row: (dimension, coefficient), by rising dimension."""

GENERAL: Final = 0
"""The dimension of the general level; the skills follow, then the work, then a sitting for each reviewer."""
REACH_MIN: Final = 1e-9
"""Logits; a skill that a task reaches less than this is not moved by it, and must not be divided by."""


class WorkBelief:
    """The joint belief while one work is learned from. Not kept: read it by `settled` and let it go."""

    def __init__(
        self, general: Belief, skills: Mapping[str, Belief], severities: Mapping[str, float], release: Release
    ) -> None:
        """Start from independent beliefs. `severities`: prior variance of the sitting of each reviewer of this work."""
        beliefs = [general, *skills.values()]
        spread = [belief.variance for belief in beliefs] + [release.work_variance, *severities.values()]
        self._release = release
        self._skill = {skill: 1 + index for index, skill in enumerate(skills)}
        self._work = len(beliefs)
        self._sitting = {reviewer: self._work + 1 + index for index, reviewer in enumerate(severities)}
        self._mean = [belief.mean for belief in beliefs] + [0.0] * (1 + len(severities))
        self._covariance = [[v if i == j else 0.0 for j in range(len(spread))] for i, v in enumerate(spread)]
        self._at = general.at

    def means(self) -> list[float]:
        """Return the means of the general level and of the skills, in the order they were given."""
        return self._mean[: self._work]

    def settled(self) -> tuple[Belief, dict[str, Belief]]:
        """Return the general level and the deviations with everything else integrated out."""
        return self._belief(GENERAL), {skill: self._belief(index) for skill, index in self._skill.items()}

    def learn_mark(self, reviewer: str, mark: Mark, weight: float) -> None:
        """Learn one mark of one reviewer. `weight` in (0, 1]."""
        direction = [(GENERAL, 1.0), (self._skill[mark.skill], 1.0), (self._work, 1.0), (self._sitting[reviewer], 1.0)]
        reach, mean, variance = self._predict(direction)
        thresholds = self._release.thresholds(mark.criterion)
        variance += self._release.reviewers.criterion_variance
        score, information = mark_gradient(mean, variance, thresholds, mark.value)
        self._move(reach, weight * score, weight * information)

    def learn_outcome(self, outcome: Outcome, weight: float, moved: float) -> float:
        """Learn one outcome; return the logits by which it moved the skill it moved most, of its own skills.

        moved: by how much earlier repeats of the same task did.
        """
        tasks = self._release.tasks
        own = [(self._skill[skill], share) for skill, share in outcome.shares]
        reach, mean, variance = self._predict([(GENERAL, 1.0), *own, (self._work, 1.0)])
        mean -= tasks.difficulty if outcome.difficulty is None else outcome.difficulty
        surprise = outcome_surprise(mean, variance + tasks.variance, outcome.result, weight)
        largest = max(REACH_MIN, *(abs(reach[GENERAL] + reach[index]) for index, _ in own))
        gain, information = bounded(surprise, largest, moved, tasks.step_max)
        self._move(reach, gain, information)
        return largest * gain

    def _belief(self, index: int) -> Belief:
        return Belief(self._mean[index], self._covariance[index][index], self._at)

    def _predict(self, direction: Direction) -> tuple[list[float], float, float]:
        """Return covariance times direction, and mean and variance of the logit along it."""
        reach = [sum(row[index] * share for index, share in direction) for row in self._covariance]
        mean = sum(self._mean[index] * share for index, share in direction)
        return reach, mean, sum(reach[index] * share for index, share in direction)

    def _move(self, reach: list[float], gain: float, information: float) -> None:
        self._mean = [mean + along * gain for mean, along in zip(self._mean, reach, strict=True)]
        for row, along in zip(self._covariance, reach, strict=True):
            scaled = along * information
            row[:] = [entry - scaled * other for entry, other in zip(row, reach, strict=True)]


def skills_of_work(observations: Sequence[Observation]) -> list[str]:
    """Return the skills that any observation of the work shows, sorted."""
    marked = {mark.skill for part in observations if isinstance(part, MarkSet) for mark in part.marks}
    tried = {skill for part in observations if isinstance(part, Outcome) for skill, _ in part.skills}
    return sorted(marked | tried)


def reviewers_of_work(observations: Sequence[Observation]) -> list[str]:
    """Return the reviewers of the work, sorted."""
    return sorted({part.reviewer for part in observations if isinstance(part, MarkSet)})


def severity_variance(release: Release, works_marked: int) -> float:
    """Return the prior variance of a sitting on the `works_marked`-th work (from 1) of one person by one reviewer."""
    reviewers = release.reviewers
    return (2 * works_marked - 1) * reviewers.severity_variance + reviewers.sitting_variance
